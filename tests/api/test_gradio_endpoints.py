"""The app as a stranger meets it: a real server, the real Gradio client, a real MCP client."""

import asyncio
import json
from contextlib import asynccontextmanager

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from playground.api.gradio_endpoints import as_gradio_errors
from playground.errors import SessionNotFound

HELLO = {"session_id": "plain", "context": "hello wor", "temperature": 1.0, "seed": 7}


@pytest.fixture(scope="module")
def gradio(server):
    client = Client(server, verbose=False)
    yield client
    client.close()


def test_the_named_endpoints_are_these_three_and_no_others(gradio):
    """None of them starts a training or a load: one that does needs the rate limit of its route."""
    described = gradio.view_api(return_format="dict", print_info=False)
    assert set(described["named_endpoints"]) == {"/next_token", "/generate", "/sessions"}
    assert described["unnamed_endpoints"] == {}


def test_arguments_and_answers_have_types(gradio):
    endpoints = gradio.view_api(return_format="dict", print_info=False)["named_endpoints"]
    types = {
        parameter["parameter_name"]: parameter["python_type"]["type"]
        for parameter in endpoints["/generate"]["parameters"]
    }
    assert types == {
        "session_id": "str", "context": "str", "n": "int", "temperature": "float", "top_k": "int",
        "top_p": "float", "seed": "None | int", "step": "None | int", "position": "None | int",
    }  # fmt: skip
    (answer,) = endpoints["/next_token"]["returns"]
    assert answer["type"]["required"] == ["next_token", "probabilities", "context_used"]
    assert all(endpoint["description"] for endpoint in endpoints.values())


def test_next_token_answers_as_the_route_does(gradio, server):
    answer = gradio.predict(**HELLO, api_name="/next_token")
    assert answer == httpx.post(f"{server}/api/generate-next-token", json=HELLO).json()


def test_generate_streams_one_character_after_another(gradio, server):
    job = gradio.submit(**HELLO, n=12, api_name="/generate")
    progress = list(job)
    assert [len(made["text"]) for made in progress] == list(range(1, 13))
    assert {made["seed"] for made in progress} == {7}
    whole = httpx.post(f"{server}/api/generate", json=HELLO | {"n": 12}).json()
    assert [made["step"] for made in progress] == whole["steps"]
    assert progress[-1]["text"] == "".join(step["token"] for step in whole["steps"])


def test_sessions_are_listed_as_by_the_route(gradio, server):
    listed = gradio.predict(api_name="/sessions")
    assert listed == httpx.get(f"{server}/api/sessions").json()["sessions"]


def test_characters_come_through_as_they_are(gradio):
    arguments = {"session_id": "weird", "context": "<\"'`${}\\\n😀\u202eא"}
    answer = gradio.predict(**arguments, temperature=3.0, api_name="/next_token")
    assert answer["context_used"] == arguments["context"][-8:]


@pytest.mark.parametrize("api_name", ["/next_token", "/generate"])
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"session_id": "nobody"}, "Session not found"),
        ({"context": "é😀é"}, "Unknown characters: ['é', '😀']"),
        ({"context": ""}, "context: The text must have at least 1 character"),
        ({"temperature": 11}, "temperature: The value must be at most 10"),
        ({"top_k": 1.5}, "top_k: This must be a whole number"),
        ({"step": 7}, "Step 7 not found; this session has the steps 0, 50, 100"),
        ({"step": 50}, "checkpoints/step-000050/model.safetensors is missing"),
    ],
)
def test_errors_are_the_sentences_of_the_api(gradio, api_name, changes, sentence):
    with pytest.raises(AppError) as caught:
        gradio.predict(**HELLO | changes, api_name=api_name)
    assert str(caught.value) == sentence


def test_n_has_the_bounds_of_the_api(gradio):
    with pytest.raises(AppError, match=r"^n: The value must be at most 500$"):
        gradio.predict(**HELLO, n=501, api_name="/generate")


def test_n_may_be_written_with_a_point_and_a_zero(gradio):
    made = list(gradio.submit(**HELLO, n=2.0, api_name="/generate"))
    assert [len(each["text"]) for each in made] == [1, 2]


def test_what_breaks_inside_is_said_as_the_api_says_it():
    with pytest.raises(gr.Error) as caught, as_gradio_errors():
        raise RuntimeError("a tensor went away")
    assert caught.value.message == "Generation failed: a tensor went away"
    assert caught.value.print_exception, "nobody would ever learn of it"
    with pytest.raises(gr.Error) as caught, as_gradio_errors():
        raise SessionNotFound
    assert not caught.value.print_exception


def test_the_page_and_the_routes_live_side_by_side(server):
    page = httpx.get(server)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert httpx.get(f"{server}/docs").status_code == 200
    lost = httpx.post(f"{server}/api/generate-next-token", json=HELLO | {"session_id": "nobody"})
    assert (lost.status_code, lost.content) == (404, b'{"error":"Session not found"}')


@asynccontextmanager
async def mcp_session(server):
    async with (
        streamable_http_client(f"{server}/gradio_api/mcp/") as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


def through_mcp(server, ask):
    async def scenario():
        async with mcp_session(server) as session:
            return await ask(session)

    return asyncio.run(asyncio.wait_for(scenario(), timeout=60))


def test_the_tools_are_these_three_and_each_argument_is_described(server):
    tools = through_mcp(server, lambda session: session.list_tools()).tools
    assert sorted(tool.name for tool in tools) == ["generate", "next_token", "sessions"]
    for tool in tools:
        assert tool.description
        for name, argument in tool.inputSchema["properties"].items():
            assert argument.get("description"), f"{tool.name}: {name}"


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("next_token", HELLO, {"next_token", "probabilities", "context_used"}),
        ("generate", HELLO | {"n": 5}, {"text", "step", "seed"}),
    ],
)
def test_a_tool_answers_in_json(server, tool, arguments, expected):
    result = through_mcp(server, lambda session: session.call_tool(tool, arguments))
    assert not result.isError
    (content,) = result.content
    assert set(json.loads(content.text)) >= expected


def test_the_sessions_tool_lists_what_the_route_lists(server):
    result = through_mcp(server, lambda session: session.call_tool("sessions", {}))
    (content,) = result.content
    assert json.loads(content.text) == httpx.get(f"{server}/api/sessions").json()["sessions"]


def test_a_tool_that_fails_says_why(server):
    arguments = HELLO | {"session_id": "nobody"}
    result = through_mcp(server, lambda session: session.call_tool("next_token", arguments))
    assert result.isError
    assert "Session not found" in result.content[0].text


def test_the_document_has_the_early_script_and_the_modules_itself(server):
    head = httpx.get(server).text.split("</head>")[0]
    early = head.index("navigator.languages")
    tag = head[head.rindex("<script", 0, early) :].partition(">")[0]
    assert tag == "<script"  # of a module would wait
    assert early < head.index('rel="modulepreload" href="page/playground-')


def test_what_is_worth_it_is_compressed(server):
    plain = httpx.get(server, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert int(plain.headers["content-length"]) == len(plain.content)
    packed = httpx.get(server, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    described = httpx.get(f"{server}/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert described.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in httpx.get(f"{server}/api/health").headers
