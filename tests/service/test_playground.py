"""Generation, and the models that it loads."""

import asyncio

import pytest

from playground.errors import (
    BadCheckpoint,
    InvalidInput,
    SessionNotFound,
    StepNotFound,
    UnknownCharacters,
)
from playground.lm.sampling import SamplingParams
from playground.service.contexts import CONTEXT_MAX
from playground.service.generation import TOKENS_MAX
from playground.service.playground import Playground
from playground.settings import Settings
from tests.service.scenarios import GREEDY, ids, text_of


def test_warm_up_takes_off_a_session_whose_weights_are_refused(models_dir, settings):
    (models_dir / "plain" / "model.safetensors").write_bytes(b"cut off")
    service = Playground(settings)
    assert ids(service) == ["plain", "weird"]
    asyncio.run(service.warm_up())
    assert ids(service) == ["weird"]
    assert str(service.refused["plain"]).startswith("model.safetensors has 7 bytes")
    assert len(text_of(service, "weird", "<$")) == 12


def test_after_warm_up_the_weights_are_not_read_again(models_dir, service):
    asyncio.run(service.warm_up())
    (models_dir / "plain" / "model.safetensors").unlink()
    assert len(text_of(service)) == 12


def test_a_step_whose_weights_are_refused_says_so_and_leaves_the_others(models_dir, service):
    (models_dir / "plain" / "checkpoints" / "step-000050" / "model.safetensors").unlink()
    with pytest.raises(BadCheckpoint, match=r"step-000050/model\.safetensors is missing"):
        text_of(service, step=50)
    assert len(text_of(service, step=0)) == 12


def test_each_step_is_a_model_of_its_own(service):
    texts = {step: text_of(service, step=step) for step in (0, 50, 100)}
    assert len(set(texts.values())) == 3
    assert text_of(service) == texts[100]
    with pytest.raises(StepNotFound):
        text_of(service, step=7)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"session_id": "nobody"}, SessionNotFound),
        ({"context": ""}, InvalidInput),
        ({"context": "a" * (CONTEXT_MAX + 1)}, InvalidInput),
        ({"context": "aé"}, UnknownCharacters),
        ({"n": 0}, InvalidInput),
        ({"n": TOKENS_MAX + 1}, InvalidInput),
    ],
)
def test_what_cannot_be_answered_is_said_before_the_first_step(service, arguments, error):
    async def ask():
        request = {"session_id": "plain", "context": "ab", "n": 1} | arguments
        await service.generate(request.pop("session_id"), request.pop("context"), GREEDY, **request)

    with pytest.raises(error):
        asyncio.run(ask())


def test_the_context_that_is_used_is_the_window(service):
    async def ask(context):
        return (await service.generate("plain", context, GREEDY, n=1)).context_used

    assert asyncio.run(ask("abc")) == "abc"
    assert asyncio.run(ask("abcdefghijk")) == "defghijk"


def test_models_larger_than_the_cache_still_answer(models_dir, service):
    starved = Playground(Settings(models_dir=models_dir, model_cache_bytes=1))
    assert text_of(starved) == text_of(service)


def test_weights_above_the_operators_limit_are_refused(models_dir):
    service = Playground(Settings(models_dir=models_dir, checkpoint_bytes=1000))
    with pytest.raises(BadCheckpoint, match="the limit is"):
        text_of(service)


def test_after_close_nothing_is_computed(service):
    text_of(service)
    asyncio.run(service.close())
    with pytest.raises(RuntimeError, match="shut down"):
        text_of(service, context="zz")


def test_a_thousand_visitors_leave_no_trace(service):
    """What the server keeps is which models are loaded, and answers within their bound."""
    asyncio.run(service.warm_up())
    for seed in range(200):
        text_of(service, params=SamplingParams(seed=seed), n=5)
    engine = service._engine.engine
    assert not engine._batches
    assert len(engine._threads) == Settings().forward_threads
    assert engine._answers.currsize <= engine._answers.maxsize
    assert engine._prefixes.used_bytes <= Settings().prefix_cache_bytes
    assert ids(service) == ["plain", "weird"]
