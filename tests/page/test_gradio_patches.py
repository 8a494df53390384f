"""Each patch is still needed: these fail for what Gradio does by itself by now."""

import os
import re

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from playground.page import gradio_patches
from playground.page.blocks import mount_arguments
from playground.page.gradio_patches import GRADIO_LOADER, apply_patches, configure_environment

# Mounting a page leaves event loops of Gradio's behind, unclosed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

TAGS = "<meta name='of-ours'>"
ASSET = next(path.name for path in (GRADIO_LOADER.parent / "assets").glob("index-*.js"))


def build(*, patched):
    """A page of one function, as Gradio serves it, with the patches or without."""
    with gr.Blocks(analytics_enabled=False) as demo:
        gr.api(answer, api_name="answer")
    arguments = mount_arguments() | {"head": TAGS}
    app = gr.mount_gradio_app(FastAPI(), demo, path="/", **arguments)
    if patched:
        apply_patches(app, demo, head=TAGS)
    return app, demo


def answer(text: str) -> dict[str, str]:
    """Say a text again.

    Args:
        text: any
    """
    return {"text": text}


@pytest.fixture(scope="module")
def bare():
    return build(patched=False)


@pytest.fixture(scope="module")
def patched():
    return build(patched=True)


def get(built, path, **headers):
    return TestClient(built[0]).get(path, headers=headers)


def test_gradio_lets_no_browser_keep_its_hashed_files(bare, patched):
    assert "max-age" not in get(bare, f"/assets/{ASSET}").headers.get("cache-control", "")
    assert "immutable" in get(patched, f"/assets/{ASSET}").headers["cache-control"]


def test_gradio_compresses_each_answer_anew(bare, monkeypatch):
    """What reaches Gradio's own middleware, asked for the same file twice."""
    asked = []
    app = bare[0]

    async def counted(scope, receive, send):
        asked.append(scope["path"])
        await app(scope, receive, send)

    client = TestClient(gradio_patches.CacheAssets(counted))
    for _ in range(2):
        assert client.get(f"/assets/{ASSET}").status_code == 200
    assert len(asked) == 1
    first, second = (get(bare, f"/assets/{ASSET}", **{"accept-encoding": "br"}) for _ in range(2))
    assert first.headers.get("content-encoding") == second.headers.get("content-encoding")
    assert "age" not in second.headers


def test_gradio_leaves_its_head_to_a_script(bare, patched):
    def head(built):
        document = re.search(r"<head>.*?</head>", get(built, "/").text, re.DOTALL)[0]
        return re.sub(r"<script>window\.gradio_config.*?</script>", "", document, flags=re.DOTALL)

    assert TAGS not in head(bare)
    assert TAGS in head(patched)


def test_gradio_gives_mcp_clients_the_repr_of_a_dict(bare, patched):
    value = {"text": "é", "n": None}
    [plain] = bare[1].mcp_server_obj.postprocess_output_data([value], "http://x")
    assert plain.text == repr(value)
    [encoded] = patched[1].mcp_server_obj.postprocess_output_data([value], "http://x")
    assert encoded.text == '{"text": "é", "n": null}'


def test_gradio_s_own_address_of_the_loader_leads_to_a_cdn(bare):
    """`/gradio.js` is no route of Gradio's: its documentation names one on a CDN."""
    answer = get(bare, "/gradio.js")
    assert answer.status_code == 404 or "javascript" not in answer.headers["content-type"]
    assert GRADIO_LOADER.is_file()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("GRADIO_ANALYTICS_ENABLED", "False"), ("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")],
)
def test_gradio_reads_the_variable(monkeypatch, variable, value):
    monkeypatch.delenv(variable, raising=False)
    configure_environment()
    assert os.environ[variable] == value
    package = GRADIO_LOADER.parents[2]
    assert any(variable in path.read_text("utf-8") for path in package.glob("*.py"))
