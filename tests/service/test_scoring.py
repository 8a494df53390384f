"""A text is scored in its turn and within bounds of work, and what waits is bounded."""

import asyncio
import json
import shutil
import threading

import pytest

from playground.checkpoints.folder import load_model, read_run
from playground.errors import (
    InvalidInput,
    ModelNotInitialized,
    Overloaded,
    SessionNotFound,
    StepNotFound,
    TooLarge,
    UnknownCharacters,
)
from playground.lm import scoring as lm_scoring
from playground.lm.model import ModelConfig
from playground.service import scoring
from playground.service.scoring import SCORE_TEXT_MAX, Scorer, choose_stride
from playground.service.serial_executor import RETRY_SECONDS, SerialExecutor
from playground.service.sessions import Session
from playground.settings import Settings

FULL = ModelConfig(40, block_size=8, n_embd=16, n_hidden=32)
SLIDING = ModelConfig(40, block_size=8, n_embd=16, n_hidden=32, attention="sliding")
TEXT = "the cat sat on the mat. " * 4


def test_a_step_is_scored_with_its_own_checkpoint(service):
    async def main():
        return [await service.score("plain", TEXT, step) for step in (0, 100, None)]

    first, last, default = asyncio.run(main())
    assert first.checkpoint.step == 0
    assert default.checkpoint.step == 100
    assert len(last.scores.logprobs) == len(TEXT) - 1
    assert last.scores.logprobs.tolist() == default.scores.logprobs.tolist()
    assert last.scores.logprobs.tolist() != first.scores.logprobs.tolist()
    assert last.context_min == 8


def test_the_first_token_is_scored_where_texts_have_a_beginning(service, models_dir):
    async def main():
        text, alone = await service.score("lines", "cat"), await service.score("lines", "c")
        after, without = await service.score("plain", "\ncat"), await service.score("plain", "cat")
        return text.scores, alone, after.scores, without.scores

    config = json.loads((models_dir / "plain" / "config.json").read_text())
    shutil.copytree(models_dir / "plain", models_dir / "lines")
    (models_dir / "lines" / "config.json").write_text(json.dumps(config | {"end_token": "\n"}))
    run = read_run(models_dir / "lines")
    service.register(Session("lines", "bundled", run))
    assert read_run(models_dir / "plain").start_token is None
    text, alone, after, without = asyncio.run(main())
    assert text.logprobs == pytest.approx([after.logprobs[0], *without.logprobs], abs=1e-4)
    assert alone.scores.logprobs == pytest.approx(after.logprobs[:1], abs=1e-4)
    assert alone.n_characters == 1


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        (("nobody", "a"), SessionNotFound, None),
        (("unborn", "a"), ModelNotInitialized, None),
        (("plain", ""), InvalidInput, "text"),
        (("plain", "a" * (SCORE_TEXT_MAX + 1)), InvalidInput, "text"),
        (("plain", "aé"), UnknownCharacters, "text"),
        (("plain", "a", 7), StepNotFound, None),
    ],
)
def test_what_cannot_be_scored(service, arguments, error, field):
    service.register(Session("unborn", "live", None))
    with pytest.raises(error) as caught:
        asyncio.run(service.score(*arguments))
    assert getattr(caught.value, "field", None) == field


# --- Work --------------------------------------------------------------------------------------


def work(config, n, stride):
    return scoring._gigaflops(config, n, stride)


def test_with_room_enough_every_text_is_exact():
    for config in (FULL, SLIDING):
        assert choose_stride(config, SCORE_TEXT_MAX, Settings().score_gigaflops) == 1


@pytest.mark.parametrize("share", [1.001, 0.999, 0.5, 0.1, 0.03])
@pytest.mark.parametrize("n", [66, 200, 1000, 3000])
def test_the_stride_is_the_smallest_within_the_work(n, share):
    config = ModelConfig(40, block_size=64, n_embd=128)
    most = work(config, n, 64) + share * (work(config, n, 1) - work(config, n, 64))
    stride = choose_stride(config, n, most)
    assert work(config, n, stride) <= most
    assert stride == 1 or work(config, n, stride - 1) > most


@pytest.mark.parametrize("config", [FULL, SLIDING], ids=["full", "sliding"])
@pytest.mark.parametrize("gigaflops", [1e-6, 0.05, 0.5, 5.0])
def test_a_text_that_is_refused_is_told_a_length_that_is_not(config, gigaflops):
    with pytest.raises(TooLarge) as caught:
        choose_stride(config, SCORE_TEXT_MAX, gigaflops)
    assert caught.value.field == "text"
    most = caught.value.message.params["most"]
    assert 1 <= most < SCORE_TEXT_MAX
    choose_stride(config, most, gigaflops)


def test_a_slow_model_sees_less_before_each_character(service, write_model, tmp_path):
    run = write_model(tmp_path / "full")
    service.register(Session("full", "bundled", run))
    n = len(TEXT)
    scorer = Scorer(service._models.get, SerialExecutor(work(run.model_config, n, 4) * 1.001))
    scored = asyncio.run(scorer.score(service.registered_session("full"), TEXT, None))
    assert scored.context_min == 8 - 4 + 1
    assert len(scored.scores.logprobs) == n - 1


# --- One text at a time ------------------------------------------------------------------------


@pytest.fixture
def gate(monkeypatch):
    """Holds every piece in its thread until it is set; counts those in there at a time."""
    gate, whole = threading.Event(), lm_scoring.score
    gate.inside, gate.most_inside = 0, 0

    def held(logits, targets):
        gate.inside += 1
        gate.most_inside = max(gate.most_inside, gate.inside)
        assert gate.wait(30)
        gate.inside -= 1
        return whole(logits, targets)

    monkeypatch.setattr(lm_scoring, "score", held)
    return gate


def scorer_of(service, n_texts):
    """SerialExecutor with room for that many of TEXT, and a function that starts one."""
    run, session = service.registered_run("plain"), service.registered_session("plain")
    model = load_model(run, None, max_bytes=2**30)

    async def loaded(*_):
        return model

    turns = SerialExecutor(work(run.model_config, len(TEXT), 1) * (n_texts + 0.5))
    scorer = Scorer(loaded, turns)
    return turns, lambda: asyncio.create_task(scorer.score(session, TEXT, None))


async def until(condition):
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


def test_texts_take_turns_and_more_than_fit_are_refused_at_once(service, gate):
    async def main():
        turns, start = scorer_of(service, 3)
        tasks = [start() for _ in range(3)]
        await until(lambda: gate.inside)
        with pytest.raises(Overloaded) as caught:
            await start()
        assert caught.value.retry_after_seconds == RETRY_SECONDS
        gate.set()
        answers = await asyncio.gather(*tasks)
        assert {tuple(a.scores.logprobs) for a in answers} == {tuple(answers[0].scores.logprobs)}
        assert gate.most_inside == 1
        assert turns.pending == pytest.approx(0, abs=1e-12)
        await start()

    asyncio.run(main())


def test_a_caller_who_hangs_up_leaves_its_turn_to_the_next(service, gate):
    async def main():
        turns, start = scorer_of(service, 2)
        first, second = start(), start()
        await until(lambda: gate.inside)
        second.cancel()
        first.cancel()
        await asyncio.wait({first, second})
        assert turns.pending == pytest.approx(0, abs=1e-12)
        gate.set()
        assert len((await start()).scores.logprobs) == len(TEXT) - 1

    asyncio.run(main())


def test_the_event_loop_goes_on_meanwhile(service, gate):
    async def main():
        _, start = scorer_of(service, 1)
        task = start()
        await until(lambda: gate.inside)
        assert not task.done()
        gate.set()
        await task

    asyncio.run(main())


def test_a_failure_leaves_nothing_pending(service, monkeypatch):
    def broken(logits, targets):
        raise RuntimeError("a tensor went away")

    async def main():
        turns, start = scorer_of(service, 1)
        with monkeypatch.context() as patched:
            patched.setattr(lm_scoring, "score", broken)
            with pytest.raises(RuntimeError, match="went away"):
                await start()
        assert turns.pending == pytest.approx(0, abs=1e-12)
        await start()

    asyncio.run(main())
