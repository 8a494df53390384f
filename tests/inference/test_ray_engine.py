"""A real Ray on this machine computes the same, and it may go and come back."""

import asyncio
import importlib.util
import time

import pytest
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.checkpoints.folder import load_model, read_run
from playground.errors import EngineUnavailable, Overloaded
from playground.inference.batch import GenerationRequest
from playground.inference.engine import EngineConfig
from playground.inference.ray_engine import RayServeEngine
from playground.lm.sampling import SamplingParams
from playground.service.playground import Playground
from playground.settings import ROOT, Settings
from tests.browser.conftest import unavailable
from tests.deploy.conftest import free_port
from tests.inference.ray_cluster import Cluster
from tests.inference.test_engine_process import equal

READY_SECONDS = 240  # a quiet machine takes 15
LONG = 200_000  # characters: minutes
WEIGHTS_BYTES = 50_000  # no request without weights is as long


@pytest.fixture(scope="module")
def cluster():
    if importlib.util.find_spec("ray") is None:
        unavailable("no Ray here (pip install 'ray[serve]'): the engine on Ray Serve is not run")
    cluster = Cluster(free_port())
    yield cluster
    assert cluster.end() == []


@pytest.fixture(scope="module")
def models():
    """The bundled models by name."""
    settings = Settings(models_dir=ROOT / "models")
    runs = [read_run(settings.models_dir / name) for name in ("shakespeare", "shakespeare-large")]
    limit = settings.checkpoint_bytes
    return {run.folder.name: load_model(run, None, max_bytes=limit) for run in runs}


def request(seed, n=40, temperature=0.9, position=3, ids=None, seconds_max=float("inf")):
    params = SamplingParams(temperature, 20, 0.95, seed)
    return GenerationRequest(tuple(ids or (seed % 50, 1, 2)), params, n, position, seconds_max)


def local_engine():
    return EngineConfig.from_settings(Settings()).create_engine()


async def ready(cluster, engine, model, n=1):
    """Wait until the cluster generates."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            return await engine.generate("ready", model, request(0, n))
        except EngineUnavailable:
            assert not cluster.has_ended, cluster.log
            assert time.monotonic() < deadline, cluster.log
            await asyncio.sleep(0.2)


def count_weights(engine):
    """A list that grows with each request in which weights are sent."""
    sent = []

    async def note(request):
        size = int(request.headers["content-length"])
        sent.extend([size] if size > WEIGHTS_BYTES else [])

    engine._http.event_hooks["request"].append(note)
    return sent


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, timeout=300))


@pytest.mark.slow
def test_the_same_seeds_give_the_same_characters(cluster, models):
    async def scenario():
        elsewhere, here = RayServeEngine(cluster.url, local_engine()), local_engine()
        await ready(cluster, elsewhere, models["shakespeare"])
        sent = count_weights(elsewhere)
        # Many visitors of both models at once; every third takes the top choice.
        asked = [
            (name, request(seed, temperature=0.9 if seed % 3 else 0.0))
            for seed in range(12)
            for name in models
        ]
        found = await asyncio.gather(
            *[elsewhere.generate(name, models[name], one) for name, one in asked]
        )
        assert len(sent) == 1  # of the model that was not there yet
        for (name, one), steps in zip(asked, found, strict=True):
            assert equal(steps, await here.generate(name, models[name], one))
        # In parts, as a page asks for them.
        name, whole = asked[4]
        ids, parts = list(whole.ids), []
        for n in (1, 7, 32):
            part = request(2, n, position=3 + len(parts), ids=ids)
            steps = await elsewhere.generate(name, models[name], part)
            parts += steps.token.tolist()
            ids += steps.token.tolist()
        assert parts == found[4].token.tolist()
        await elsewhere.close()
        here.close()

    run(scenario())


@pytest.mark.slow
def test_a_caller_who_hangs_up_ends_the_work_there(cluster, models):
    async def scenario():
        engine, model = RayServeEngine(cluster.url, local_engine()), models["shakespeare"]
        await ready(cluster, engine, model)
        long = asyncio.create_task(engine.generate("a", model, request(1, LONG)))

        async def is_refused(seed):
            """As every request that may not wait at all, while another is under way."""
            await asyncio.sleep(0.05)
            one = engine.generate("a", model, request(seed, 1, seconds_max=1e-6))
            (answer,) = await asyncio.gather(one, return_exceptions=True)
            return isinstance(answer, Overloaded)

        async def until_refused(wanted, seeds):
            for seed in seeds:
                if await is_refused(seed) is wanted:
                    return
            pytest.fail(f"in {len(seeds)} attempts")

        await until_refused(True, range(100, 200))
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        await until_refused(False, range(200, 300))
        await engine.close()

    run(scenario())


@pytest.mark.slow
def test_a_model_that_a_replica_has_forgotten_is_sent_again(cluster, random_model):
    async def scenario():
        engine, here = RayServeEngine(cluster.url, local_engine()), local_engine()
        many = [random_model(seed, n_embd=4, n_hidden=4) for seed in range(34)]
        await ready(cluster, engine, many[0])
        one = GenerationRequest((1, 2), SamplingParams(0.9, seed=1), 5, 2)
        for key, model in [*enumerate(many), (0, many[0])]:
            steps = await engine.generate(key, model, one)
            assert equal(steps, await here.generate(key, model, one))
        with pytest.raises(RuntimeError, match="index out of range"):
            await engine.generate(0, many[0], GenerationRequest((99,), SamplingParams(), 1, 1))
        await engine.close()
        here.close()

    run(scenario())


BODY = {"session_id": "plain", "context": "ab", "temperature": 0.9, "seed": 7, "n": 30}
PARTS = ("ray::ServeReplica", "ray::ProxyActor")  # in this order: requests come through the proxy


@pytest.mark.slow
def test_a_cluster_that_goes_is_said_and_played_on_with_when_it_is_back(cluster, settings, models):
    model = models["shakespeare"]

    async def wait(kill=False):
        engine = RayServeEngine(cluster.url, local_engine())
        await ready(cluster, engine, model)
        if kill:
            long = asyncio.create_task(engine.generate("a", model, request(1, LONG)))
            await asyncio.sleep(0.5)
            for part in PARTS:
                await asyncio.to_thread(cluster.kill, part)
            with pytest.raises(EngineUnavailable):
                await long
        await engine.close()

    with TestClient(create_api(Playground(settings))) as alone:
        expected = alone.post("/api/generate", json=BODY).json()
    elsewhere = settings.model_copy(update={"ray_serve_url": cluster.url})
    with TestClient(create_api(Playground(elsewhere))) as client:
        run(wait())
        assert client.post("/api/generate", json=BODY).json() == expected
        run(wait(kill=True))
        refused = client.post("/api/generate", json=BODY, headers={"X-Language": "de"})
        assert refused.status_code == 503
        assert refused.headers["X-Error"] == "EngineUnavailable"
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["error"].startswith("Der Rechner antwortet nicht")
        assert client.get("/api/health").status_code == 200
        run(wait())  # Serve starts both again
        assert client.post("/api/generate", json=BODY).json() == expected


@pytest.mark.slow
def test_a_cluster_that_loses_its_power_is_one_that_does_not_answer(cluster, models):
    """The last test: nothing is left of it."""

    async def scenario():
        engine, model = RayServeEngine(cluster.url, local_engine()), models["shakespeare"]
        await ready(cluster, engine, model)
        cluster.kill()
        with pytest.raises(EngineUnavailable):
            await engine.generate("a", model, request(5))
        await engine.close()

    run(scenario())


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "503 Service Unavailable"])
def test_what_is_no_engine_is_one_that_does_not_answer(status, random_model):
    async def respond(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nhello".encode())
        await writer.drain()
        writer.close()

    async def scenario():
        server = await asyncio.start_server(respond, "127.0.0.1", 0)
        engine = RayServeEngine(
            f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", local_engine()
        )
        with pytest.raises(EngineUnavailable):
            await engine.generate("a", random_model(), request(1, ids=(1,)))
        server.close()
        await server.wait_closed()
        with pytest.raises(EngineUnavailable):  # and nobody at all
            await engine.generate("a", random_model(), request(1, ids=(1,)))
        await engine.close()
        for url in ("nonsense", "http://[", "http://nobody.invalid"):
            engine = RayServeEngine(url, local_engine())
            with pytest.raises(EngineUnavailable):
                await engine.generate("a", random_model(), request(1, ids=(1,)))
            await engine.close()

    run(scenario())
