import asyncio

import numpy as np
import pytest

from playground.errors import (
    InvalidInput,
    ModelNotInitialized,
    SessionNotFound,
    StepNotFound,
    TooLarge,
    UnknownCharacters,
)
from playground.service.comparison import POSITIONS_MAX, Comparer, Lane
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import Session
from tests.service.scenarios import own_probs

CONTEXT = "hello world, how are you. the cat sat."


def compare(service, one=("plain", None, 1.0), other=("plain", None, 1.0), context=CONTEXT, n=1):
    async def main():
        lanes = [await service.lane(*side) for side in (one, other)]
        return await service.compare(*lanes, context, n)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("plain", 0, 1.0), ("plain", 100, 1.0)),
        (("plain", 100, 0.5), ("plain", 100, 2.0)),
        (("plain", 50, 0), ("wide", 0, 1.3)),
    ],
    ids=["steps", "temperatures", "models"],
)
def test_it_equals_a_plain_forwards_sum_at_each_position(
    service, write_model, tmp_path, one, other
):
    """Each model sees its own window."""
    service.register(Session("wide", "bundled", write_model(tmp_path / "wide", block_size=12)))
    found = compare(service, one, other, n=20)
    assert found.first == len(CONTEXT) - 19
    for i, (kl, reverse) in enumerate(zip(found.kl, found.kl_reverse, strict=True)):
        prefix = CONTEXT[: found.first + i]
        p, q = (own_probs(service, *side, prefix) for side in (one, other))
        assert kl == pytest.approx(float((p * np.log2(p / q)).sum()), abs=1e-4)
        assert reverse == pytest.approx(float((q * np.log2(q / p)).sum()), abs=1e-4)
        assert kl > 0


def test_identical_models_are_exactly_nothing_apart(service, write_model, tmp_path):
    """The same weights in a folder of their own, too."""
    service.register(Session("twin", "bundled", write_model(tmp_path / "twin")))
    for other in ("plain", "twin"):
        found = compare(service, other=(other, 100, 1.0), n=len(CONTEXT))
        assert found.kl.tolist() == found.kl_reverse.tolist() == [0.0] * len(CONTEXT)


def test_a_position_does_not_depend_on_how_many_are_asked_for(service):
    sides = ("plain", 0, 1.0), ("plain", 100, 0.7)
    many, one = (compare(service, *sides, n=n) for n in (30, 1))
    assert (many.first, one.first) == (len(CONTEXT) - 29, len(CONTEXT))
    assert many.kl[-1] == one.kl[0]


def test_temperature_zero_compares_the_models_own_distributions(service):
    sides = ("plain", 0, 0.0), ("plain", 100, 1.0)
    assert compare(service, *sides).kl == compare(service, ("plain", 0, 1.0), sides[1]).kl


PLAIN = ("plain", None, 1.0)


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"one": ("nobody", None, 1.0)}, SessionNotFound, None),
        ({"other": ("nobody", None, 1.0)}, SessionNotFound, None),
        ({"other": ("unborn", None, 1.0)}, ModelNotInitialized, None),
        ({"other": ("weird", None, 1.0)}, InvalidInput, "other.session_id"),
        ({"other": ("plain", 7, 1.0)}, StepNotFound, None),
        ({"context": ""}, InvalidInput, "context"),
        ({"context": "é"}, UnknownCharacters, "context"),
        ({"n": 0}, InvalidInput, "positions"),
        ({"n": 4, "context": "abc"}, InvalidInput, "positions"),
        ({"n": POSITIONS_MAX + 1, "context": "a" * 100}, InvalidInput, "positions"),
    ],
)
def test_what_cannot_be_compared(service, changes, error, field):
    service.register(Session("unborn", "live", None))
    with pytest.raises(error) as caught:
        compare(service, **changes)
    assert getattr(caught.value, "field", None) == field


def test_a_comparison_that_is_refused_is_told_how_much_is_not(service):
    session = service.registered_session("plain")
    lane = Lane(session, None, 1.0)
    comparer = Comparer(
        service._models.get, SerialExecutor(session.run.model_config.gigaflops * 2 * 9.5)
    )

    def ask(n):
        return asyncio.run(comparer.compare(lane, lane, CONTEXT, n))

    with pytest.raises(TooLarge) as caught:
        ask(10)
    assert caught.value.field == "positions"
    assert caught.value.message.params["most"] == 9
    assert len(ask(9).kl) == 9
