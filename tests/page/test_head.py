"""What is written into the head of the document, and that nothing else is touched."""

import asyncio
import re

import pytest

from playground.page.gradio_patches import InsertHead
from playground.page.head import document_head

PIECES = [b"<html><he", b"ad><base></head><body></he", b"ad></html>"]


def ask(path, method="GET"):
    """What an application of these pieces answers, and the headers that it saw."""
    seen, sent = {}, []

    async def inner(scope, receive, send):
        seen.update(scope["headers"])
        await send({"type": "http.response.debug", "info": {}})
        headers = [(b"content-length", b"44")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for index, body in enumerate(PIECES):
            more = index + 1 < len(PIECES)
            await send({"type": "http.response.body", "body": body, "more_body": more})

    async def send(message):
        sent.append(message)

    headers = [(b"accept-encoding", b"br"), (b"host", b"here")]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(InsertHead(inner, tags="<title>é</title>")(scope, None, send))
    return seen, sent


def test_the_tags_come_last_in_the_head_and_the_length_is_right():
    seen, (start, answer) = ask("/")
    assert seen == {b"host": b"here"}, "it is asked for without compression"
    expected = "<html><head><base><title>é</title></head><body></head></html>"
    assert answer["body"].decode() == expected
    assert start["headers"] == [(b"content-length", str(len(expected.encode())).encode())]


@pytest.mark.parametrize(("path", "method"), [("/assets/a.js", "GET"), ("/", "POST")])
def test_nothing_else_is_touched(path, method):
    seen, sent = ask(path, method)
    assert seen[b"accept-encoding"] == b"br"
    assert [message["body"] for message in sent if "body" in message] == PIECES


def test_what_runs_before_the_first_paint_is_one_classic_script():
    [script] = re.findall(r"<script>(.*?)</script>", document_head(), re.DOTALL)
    assert re.findall(r"^\s*(?:import|export)\b.*", script, re.MULTILINE) == []
    assert script.index("function repairQuery") < script.index("repairQuery(given")
