import asyncio

import pytest

from playground.errors import (
    InvalidInput,
    ModelNotInitialized,
    SessionNotFound,
    StepNotFound,
    TooLarge,
    UnknownCharacters,
)
from playground.lm.model import ModelConfig
from playground.service.beams import DEPTH_MAX, WIDTH_MAX, BeamSearch, gigaflops
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import Session
from tests.service.scenarios import text_of


def search(service, session_id="plain", context="hello wor", width=3, n=5, step=None):
    return asyncio.run(service.search_beams(session_id, context, width=width, n=n, step=step))


@pytest.mark.parametrize("step", [0, 50, None])
def test_width_one_is_what_greedy_decoding_writes(service, step):
    tree = search(service, width=1, n=20, step=step)
    assert tree.texts() == [text_of(service, context="hello wor", n=20, step=step)]


def test_the_widest_and_deepest(service):
    tree = search(service, width=WIDTH_MAX, n=DEPTH_MAX)
    assert len(tree.levels) == DEPTH_MAX
    assert {len(text) for text in tree.texts()} == {DEPTH_MAX}
    assert len(set(tree.texts())) == WIDTH_MAX


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"session_id": "nobody"}, SessionNotFound, None),
        ({"session_id": "unborn"}, ModelNotInitialized, None),
        ({"context": ""}, InvalidInput, "context"),
        ({"context": "é"}, UnknownCharacters, "context"),
        ({"width": 0}, InvalidInput, "width"),
        ({"width": WIDTH_MAX + 1}, InvalidInput, "width"),
        ({"n": 0}, InvalidInput, "n"),
        ({"n": DEPTH_MAX + 1}, InvalidInput, "n"),
        ({"step": 7}, StepNotFound, None),
    ],
)
def test_what_cannot_be_searched(service, changes, error, field):
    service.register(Session("unborn", "live", None))
    with pytest.raises(error) as caught:
        search(service, **changes)
    assert getattr(caught.value, "field", None) == field


@pytest.mark.parametrize("attention", ["full", "sliding"])
def test_a_search_that_is_refused_is_told_a_depth_that_is_not(
    service, attention, write_model, tmp_path
):
    run = write_model(tmp_path / "slow", attention=attention)
    session = Session("slow", "bundled", run)
    room = gigaflops(run.model_config, 4, 17) * 1.001
    beams = BeamSearch(service._models.get, SerialExecutor(room))

    def ask(n):
        return asyncio.run(beams.search(session, "hello", width=4, n=n, step=None))

    with pytest.raises(TooLarge) as caught:
        ask(18)
    assert caught.value.field == "n"
    assert caught.value.message.params["most"] == 17
    assert len(ask(17).levels) == 17


def test_a_window_is_counted_for_each_token_where_attention_is_full():
    full = ModelConfig(40, block_size=8, n_embd=16, n_hidden=32)
    assert gigaflops(full, 10, 50) == pytest.approx((1 + 49 * 10) * full.gigaflops)
