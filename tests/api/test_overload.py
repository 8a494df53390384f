"""Generations are refused while the event loop is behind, and by nothing else."""

import asyncio
import time
from types import SimpleNamespace

import httpx
import pytest
from starlette.responses import Response

from playground.api import overload
from playground.api.overload import CROWD, EventLoopLag, RefuseWhenBehind
from tests.api.scenarios import error

PATHS = ["/api/generate", "/api/generate-next-token", "/v1/completions"]


def test_the_lag_is_how_long_a_timer_is_overdue():
    async def scenario():
        lag = EventLoopLag()
        assert lag.seconds == 0
        lag.start()
        await asyncio.sleep(2 * overload.TICK_SECONDS)
        time.sleep(0.5)  # as a long callback does
        behind = lag.seconds
        for _ in range(100):  # a busy machine is behind for a while
            await asyncio.sleep(overload.TICK_SECONDS)
            if lag.seconds < 0.1:
                break
        caught_up = lag.seconds
        lag.stop()
        await asyncio.sleep(2 * overload.TICK_SECONDS)
        return behind, caught_up, lag.seconds

    behind, caught_up, stopped = asyncio.run(scenario())
    assert behind >= 0.5 - overload.TICK_SECONDS
    assert caught_up < 0.1
    assert stopped == 0


@pytest.mark.parametrize("path", PATHS)
def test_a_crowd_is_refused_while_the_loop_is_behind_and_served_again_after_it(path):
    async def scenario():
        lag, let_go = SimpleNamespace(seconds=0.0), asyncio.Event()

        async def slow(scope, receive, send):
            await let_go.wait()
            await Response("written")(scope, receive, send)

        app = RefuseWhenBehind(slow, lag)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://here"
        ) as client:
            crowd = [asyncio.create_task(client.post(path)) for _ in range(CROWD - 1)]
            lag.seconds = 2 * overload.LAG_SECONDS_MAX
            crowd.append(asyncio.create_task(client.post(path)))  # there are too few to refuse it
            await asyncio.sleep(0)
            while sum(task.done() for task in crowd) or app._under_way < CROWD:
                await asyncio.sleep(0.001)
            refused = await client.post(path)
            other = asyncio.create_task(client.get("/api/health"))
            let_go.set()
            served = await asyncio.gather(*crowd, other)
            after = await client.post(path)
        return refused, served, after

    refused, served, after = asyncio.run(scenario())
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert {answer.text for answer in [*served, after]} == {"written"}


@pytest.mark.parametrize("path", PATHS)
def test_the_refusal_is_a_sentence_that_other_origins_may_read(client, monkeypatch, path):
    monkeypatch.setattr(overload, "CROWD", 0)
    monkeypatch.setattr(overload, "LAG_SECONDS_MAX", -1.0)
    headers = {"X-Language": "de", "Origin": "https://a.example"}
    answer = client.post(path, content=b"{", headers=headers)  # not even read
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["X-Error"] == "Overloaded"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    told = answer.json()["error"]
    assert (told["message"] if path.startswith("/v1") else told).startswith("Gerade wird mehr")
    assert client.get("/api/health").status_code == 200
    assert error(client.post("/api/substitute", content=b"{}"), 400)
