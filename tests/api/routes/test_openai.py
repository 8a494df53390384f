"""The routes in the shape of the OpenAI API, asked by its own client and by plain HTTP."""

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest
import uvicorn
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.checkpoints.folder import Run
from playground.lm.tokenizer import text_of_bytes
from playground.service.playground import Playground
from playground.service.sessions import Session
from tests.api.scenarios import COMPLETIONS, GENERATE, SCORE

ASK = {"model": "plain", "prompt": "hello wor", "max_tokens": 12, "seed": 7}
TEXT = "hello world, how are you."


def complete(client, **changes):
    response = client.post(COMPLETIONS, json=ASK | changes)
    assert response.status_code == 200, response.text
    return response.json()


def refused(client, status, **changes):
    response = client.post(COMPLETIONS, json=ASK | changes)
    assert response.status_code == status, response.text
    return error_of(response)


def error_of(response):
    assert list(response.json()) == ["error"]
    found = response.json()["error"]
    assert list(found) == ["message", "type", "param", "code"]
    return found


def generated(client, context, n, **sampling):
    """The steps of the house's own route."""
    body = {"session_id": "plain", "context": context, "temperature": 1, "n": n} | sampling
    return client.post(GENERATE, json=body).json()["steps"]


def text_of(steps):
    return "".join(step["token"] for step in steps)


# --- OpenAI's own client, against `python app.py` ----------------------------------------------


@pytest.fixture
def sdk(server):
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def house(server):
    with httpx.Client(base_url=server) as client:
        yield client


def test_the_client_completes_as_the_house_generates(sdk, house):
    found = sdk.completions.create(**ASK)
    steps = generated(house, ASK["prompt"], 12, seed=7)
    assert found.choices[0].text == text_of(steps)
    assert found.choices[0].finish_reason == "length"
    assert found.choices[0].logprobs is None
    assert (found.object, found.model) == ("text_completion", "plain")
    assert found.usage.model_dump(include={"prompt_tokens", "completion_tokens"}) == {
        "prompt_tokens": 9,
        "completion_tokens": 12,
    }
    assert found.usage.total_tokens == 21
    greedy = sdk.completions.create(**ASK | {"temperature": 0, "max_tokens": 30})
    assert greedy.choices[0].text == text_of(generated(house, "hello wor", 30, temperature=0))


def test_the_client_reads_log_probabilities(sdk, house):
    found = sdk.completions.create(**ASK, temperature=0.7, logprobs=5).choices[0]
    steps = generated(house, "hello wor", 12, seed=7, temperature=0.7)
    assert "".join(found.logprobs.tokens) == found.text
    assert found.logprobs.text_offset == list(range(9, 21))
    expected = [math.log(step["prob"]) for step in steps]
    assert found.logprobs.token_logprobs == pytest.approx(expected)
    for top, step in zip(found.logprobs.top_logprobs, steps, strict=True):
        five = {each["token"]: math.log(each["prob"]) for each in step["candidates"][:5]}
        own = {step["token"]: math.log(step["prob"])}
        assert top == pytest.approx(own | five)


def test_the_client_scores_a_prompt(sdk, house):
    found = sdk.completions.create(model="plain", prompt=TEXT, max_tokens=0, echo=True, logprobs=10)
    choice = found.choices[0]
    tokens = house.post(SCORE, json={"session_id": "plain", "text": TEXT}).json()["tokens"]
    assert (choice.text, choice.finish_reason) == (TEXT, "length")
    assert choice.logprobs.tokens == [token["token"] for token in tokens]
    assert choice.logprobs.token_logprobs == [token["logprob"] for token in tokens]
    assert choice.logprobs.text_offset == list(range(len(TEXT)))
    assert choice.logprobs.top_logprobs[0] is None
    for top, token in zip(choice.logprobs.top_logprobs[1:], tokens[1:], strict=True):
        ten = {each["token"]: math.log(each["prob"]) for each in token["candidates"]}
        assert top == pytest.approx({token["token"]: token["logprob"]} | ten, abs=1e-4)
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (len(TEXT), 0)


def test_the_client_streams_what_comes_at_once_otherwise(sdk):
    asked = ASK | {"prompt": ["hello", TEXT], "logprobs": 2, "echo": True, "stop": "q"}
    whole = sdk.completions.create(**asked)
    chunks = list(
        sdk.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    *parts, last = chunks
    assert (last.choices, last.usage) == ([], whole.usage)
    assert len({chunk.id for chunk in chunks}) == 1
    for choice in whole.choices:
        mine = [c.choices[0] for c in parts if c.choices[0].index == choice.index]
        assert len(mine) > 1
        assert "".join(part.text for part in mine) == choice.text
        assert [part.finish_reason for part in mine[:-1]] == [None] * (len(mine) - 1)
        assert mine[-1].finish_reason == choice.finish_reason
        for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
            joined = [each for part in mine for each in getattr(part.logprobs, name)]
            assert joined == getattr(choice.logprobs, name)


def test_the_client_raises_its_own_errors(sdk):
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.completions.create(**ASK | {"model": "gpt-4"})
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert missing.value.type == "invalid_request_error"
    assert "GET /v1/models" in missing.value.message
    with pytest.raises(openai.BadRequestError) as unknown:
        list(sdk.completions.create(**ASK | {"prompt": "ÄÖ"}, stream=True))
    assert unknown.value.body["message"] == "Unknown characters: ['Ä', 'Ö']"
    assert unknown.value.param == "prompt"
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("owner/name@main")


def test_the_client_lists_models(sdk, house):
    found = sdk.models.list()
    ids = [session["session_id"] for session in house.get("/api/sessions").json()["sessions"]]
    assert [model.id for model in found] == ids
    assert {(model.object, model.owned_by) for model in found} == {("model", "token-playground")}
    assert sdk.models.retrieve("weird").id == "weird"


def test_a_stream_is_framed_as_events_and_not_compressed(house):
    asked = ASK | {"stream": True}
    headers = {"Accept-Encoding": "gzip"}
    with house.stream("POST", COMPLETIONS, json=asked, headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in response.headers
        assert response.headers["x-accel-buffering"] == "no"
        *events, end = response.read().decode().split("\n\n")
    assert end == ""
    assert events.pop() == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    text = "".join(chunk["choices"][0]["text"] for chunk in chunks)
    assert text == complete(house)["choices"][0]["text"]


@pytest.mark.parametrize("has_usage", [True, False])
def test_a_stream_that_ends_with_its_usage_has_none_before(client, has_usage):
    asked = ASK | {"stream": True, "stream_options": {"include_usage": has_usage}}
    events = client.post(COMPLETIONS, json=asked).text.split("\n\n")[:-2]
    *chunks, last = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk.get("usage", "absent") for chunk in chunks} == {None if has_usage else "absent"}
    assert ("usage" in last) is has_usage


# --- What is asked for --------------------------------------------------------------------------


def test_sixteen_tokens_by_default_and_a_new_seed_each_time(client):
    texts = {complete(client, max_tokens=None, seed=None)["choices"][0]["text"] for _ in range(8)}
    assert {len(text) for text in texts} == {16}
    assert len(texts) > 1


def test_null_is_the_default_and_what_is_unknown_is_ignored(client):
    names = [
        "temperature", "top_p", "top_k", "stop", "logprobs", "echo", "stream", "stream_options",
        "step", "n", "best_of", "suffix", "presence_penalty", "frequency_penalty", "logit_bias",
    ]  # fmt: skip
    neutral = {"n": 1, "best_of": 1, "suffix": "", "presence_penalty": 0.0, "logit_bias": {}}
    bare = complete(client)["choices"]
    for changes in (dict.fromkeys(names), neutral, {"user": "me", "min_p": 0.1}):
        assert complete(client, **changes)["choices"] == bare


IDS = "prompt: Ids of tokens are not read here: send the text itself"


@pytest.mark.parametrize(
    ("changes", "param", "sentence"),
    [
        ({"n": 2}, "n", "n: This must be 1"),
        ({"best_of": 3}, "best_of", "best_of: This must be 1"),
        ({"suffix": "x"}, "suffix", "suffix: This must be ''"),
        ({"presence_penalty": 0.5}, "presence_penalty", "presence_penalty: This must be 0"),
        ({"frequency_penalty": -1}, "frequency_penalty", "frequency_penalty: This must be 0"),
        (
            {"logit_bias": {"5": 1}},
            "logit_bias",
            "logit_bias: Logits cannot be changed here: leave it out, or empty",
        ),
        ({"max_tokens": 501}, "max_tokens", "max_tokens: The value must be at most 500"),
        ({"logprobs": 11}, "logprobs", "logprobs: The value must be at most 10"),
        ({"prompt": []}, "prompt", "prompt: The list must have at least 1 entry"),
        ({"prompt": [1, 2]}, "prompt", IDS),
        ({"prompt": [[1, 2], [3]]}, "prompt", IDS),
        ({"prompt": [None]}, "prompt.0", "prompt.0: This must be text, in quotation marks"),
        ({"prompt": ""}, "prompt", "prompt: The text must have at least 1 character"),
        ({"prompt": None}, "prompt", "prompt: This field is missing"),
        ({"prompt": 5}, "prompt", "prompt: This must be text, in quotation marks"),
        ({"stop": [*"abcde"]}, "stop", "stop: The list must have at most 4 entries"),
        ({"prompt": "Ä"}, "prompt", "Unknown characters: ['Ä']"),
    ],
)
def test_what_would_change_the_answer_is_refused(client, changes, param, sentence):
    found = refused(client, 400, **changes)
    assert found == {
        "message": sentence, "type": "invalid_request_error", "param": param, "code": None,
    }  # fmt: skip


def test_other_errors_have_the_shape_and_the_headers(client, service):
    service.register(Session("unborn", "live", None))
    assert refused(client, 400, model="unborn")["param"] == "model"
    assert refused(client, 404, step=7)["param"] == "step"
    assert "unborn" not in [model["id"] for model in client.get("/v1/models").json()["data"]]
    german = client.post(COMPLETIONS, json=ASK | {"model": "x"}, headers={"X-Language": "de"})
    assert error_of(german)["message"].startswith("Dieses Modell gibt es hier nicht")
    assert german.headers["X-Error"] == "SessionNotFound"
    wrong_method = client.get(COMPLETIONS)
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")
    assert error_of(wrong_method)["message"] == "Method Not Allowed"
    too_large = client.post(COMPLETIONS, content=b"x" * 2_100_000)
    assert (too_large.status_code, error_of(too_large)["message"]) == (413, "The body is too large")
    assert client.head("/v1/models").status_code == 200


def test_a_prompt_that_is_too_long_to_score_says_so(client):
    long = {"prompt": "ab" * 5001, "echo": True}
    found = refused(client, 413, **long, logprobs=1)
    assert found["message"].startswith("prompt: with echo and logprobs, at most 10000 characters")
    assert found["param"] == "prompt"
    assert complete(client, **long)["usage"]["prompt_tokens"] == 10_002


def test_a_text_ends_before_a_stop_sequence(client):
    text = complete(client, max_tokens=60)["choices"][0]["text"]
    for stop in (text[20:23], [text[40:44], text[23:25]], text[:1]):
        ends = [text.index(each) for each in ([stop] if isinstance(stop, str) else stop)]
        found = complete(client, max_tokens=60, stop=stop, logprobs=0)
        (choice,) = found["choices"]
        assert (choice["text"], choice["finish_reason"]) == (text[: min(ends)], "stop")
        assert choice["logprobs"]["tokens"] == [*text[: min(ends)]]
        assert found["usage"]["completion_tokens"] == min(ends)
    never = complete(client, max_tokens=60, stop="never")["choices"][0]
    assert (never["text"], never["finish_reason"]) == (text, "length")


def test_a_text_ends_before_the_models_end_token(models_dir, settings):
    path = models_dir / "plain" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"end_token": "."}))
    with TestClient(create_api(Playground(settings))) as client:
        text = text_of(generated(client, "hello wor", 200, seed=7))
        assert "." in text
        (choice,) = complete(client, max_tokens=200)["choices"]
        assert (choice["text"], choice["finish_reason"]) == (text.partition(".")[0], "stop")


def test_a_text_ends_before_the_first_of_several_end_tokens(client, monkeypatch):
    text = text_of(generated(client, "hello wor", 60, seed=7))
    ends = text[40], text[20]
    monkeypatch.setattr(Run, "end_tokens", property(lambda run: ends))
    (choice,) = complete(client, max_tokens=60)["choices"]
    n = min(map(text.index, ends))
    assert (choice["text"], choice["finish_reason"]) == (text[:n], "stop")
    assert client.get("/api/sessions/plain").json()["end_tokens"] == [*ends]


@pytest.fixture
def pieces(settings, models_dir, write_model, word_pieces):
    """A client of a model `pieces`, of word pieces and bytes."""
    write_model(models_dir / "pieces", tokenizer=word_pieces)
    with TestClient(create_api(Playground(settings))) as client:
        yield client


PIECES = {"model": "pieces", "prompt": "the cat’s 😀 mat"}


def test_half_characters_are_joined_in_the_text_and_named_among_the_tokens(pieces):
    asked = PIECES | {"max_tokens": 0, "echo": True, "logprobs": 0}
    (choice,) = complete(pieces, **asked)["choices"]
    assert choice["text"] == PIECES["prompt"]
    found = choice["logprobs"]
    places = dict(zip(found["tokens"], found["text_offset"], strict=True))
    assert places["⟨E2⟩"] == places["⟨99⟩"] == 7
    assert places["⟨F0⟩"] == places["⟨98⟩"] == 10
    assert "".join(found["tokens"][-2:]).endswith("mat")
    assert found["text_offset"][-1] < len(choice["text"])


@pytest.mark.parametrize("seed", range(3))
def test_word_pieces_are_completed_as_the_house_generates(pieces, seed):
    asked = PIECES | {"max_tokens": 60, "seed": seed, "logprobs": 1}
    body = {"session_id": "pieces", "context": PIECES["prompt"], "n": 60, "temperature": 1}
    steps = pieces.post(GENERATE, json=body | {"seed": seed}).json()["steps"]
    contents = [bytes(step.get("bytes", step["token"].encode())) for step in steps]
    (alone,) = complete(pieces, **asked)["choices"]
    assert alone["text"] == text_of_bytes(b"".join(contents))
    assert alone["logprobs"]["tokens"] == [step["token"] for step in steps]
    (echoed,) = complete(pieces, **asked, echo=True)["choices"]
    assert echoed["text"] == PIECES["prompt"] + alone["text"]
    assert echoed["logprobs"]["text_offset"][-60:] == alone["logprobs"]["text_offset"]
    events = pieces.post(COMPLETIONS, json=ASK | asked | {"stream": True}).text.split("\n\n")
    chunks = [json.loads(event.removeprefix("data: "))["choices"][0] for event in events[:-2]]
    assert "".join(chunk["text"] for chunk in chunks) == alone["text"]
    offsets = [at for chunk in chunks for at in chunk["logprobs"]["text_offset"]]
    assert offsets == alone["logprobs"]["text_offset"]


def test_top_k_top_p_and_the_step_are_those_of_the_house(client):
    sampling = {"top_k": 3, "top_p": 0.8, "step": 0, "temperature": 2}
    steps = generated(client, "hello wor", 12, seed=7, **sampling)
    assert complete(client, **sampling)["choices"][0]["text"] == text_of(steps)


def test_a_probability_too_small_for_a_float_is_a_number_in_json(client):
    choice = complete(client, temperature=1e-3, logprobs=10)["choices"][0]
    values = [value for top in choice["logprobs"]["top_logprobs"] for value in top.values()]
    assert min(values) == -9999.0


# --- More than can be done ----------------------------------------------------------------------


def test_overload_is_told_in_the_shape_before_a_stream_begins(settings):
    starved = Playground(settings.model_copy(update={"generation_seconds": 1e-4}))
    with TestClient(create_api(starved)) as client, ThreadPoolExecutor(8) as pool:
        bodies = [ASK | {"max_tokens": 200, "seed": i, "stream": i % 2 == 0} for i in range(32)]
        answers = list(pool.map(lambda body: client.post(COMPLETIONS, json=body), bodies))
    assert {answer.status_code for answer in answers} == {200, 503}
    full = [answer for answer in answers if answer.status_code == 503]
    assert {error_of(answer)["type"] for answer in full} == {"server_error"}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in full)


class Counting(Playground):
    """Counts the parts that are generated, and says when a stream has ended."""

    def __init__(self, settings):
        super().__init__(settings)
        self.n_parts, self.ended = 0, threading.Event()

    async def stream_prompt(self, *args, **options):
        try:
            async for part in super().stream_prompt(*args, **options):
                self.n_parts += 1
                yield part
        finally:
            self.ended.set()


class Breaking(Playground):
    """Fails after the first part of a stream."""

    async def stream_prompt(self, *args, **options):
        async for part in super().stream_prompt(*args, **options):
            yield part
            raise ZeroDivisionError("broken")


@pytest.fixture
def serving(settings):
    """`serving(Class)`: such a service, and the address of a real server over it."""
    running = []

    def start(service_class):
        service = service_class(settings)
        config = uvicorn.Config(create_api(service), host="127.0.0.1", port=0, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        return service, f"http://127.0.0.1:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(30)


def test_a_stream_that_nobody_reads_is_not_generated_to_its_end(serving):
    service, address = serving(Counting)
    asked = ASK | {"prompt": ["hello"] * 20, "max_tokens": 500, "seed": None, "stream": True}
    with httpx.stream("POST", f"{address}{COMPLETIONS}", json=asked) as response:
        next(response.iter_raw())
    assert service.ended.wait(30)
    assert service.n_parts < 20 * 100


def test_what_breaks_inside_a_stream_is_its_last_event(serving):
    _, address = serving(Breaking)
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as sdk:
        stream = sdk.completions.create(**ASK, stream=True)
        assert next(stream).choices[0].text
        with pytest.raises(openai.APIError, match="Generation failed: broken"):
            next(stream)
