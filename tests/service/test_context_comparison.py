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
from playground.lm.generation import N_CANDIDATES
from playground.service.comparison import Lane
from playground.service.context_comparison import OTHERS_MAX, ContextComparer
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import Session
from tests.service.scenarios import own_probs

CONTEXT = "hello wor"


def compare(service, *, side=("plain", None, 1.0), context=CONTEXT, others=("wor",), token="l"):
    async def main():
        return await service.compare_contexts(await service.lane(*side), context, others, token)

    return asyncio.run(main())


@pytest.mark.parametrize("side", [("plain", 100, 1.0), ("plain", 0, 0.5), ("plain", 100, 0)])
def test_it_equals_plain_forwards_of_each_context(service, side):
    others = [CONTEXT[-n:] for n in range(1, len(CONTEXT))]
    others += [CONTEXT[:i] + CONTEXT[i + 1 :] for i in range(len(CONTEXT))]
    found = compare(service, side=side, others=others)
    p = own_probs(service, *side, CONTEXT)
    token = service.registered_run("plain").vocabulary.encode("l")[0]
    assert found.prob == pytest.approx(p[token], abs=1e-5)
    for i, other in enumerate(others):
        q = own_probs(service, *side, other)
        assert found.kl[i] == pytest.approx(float((p * np.log2(p / q)).sum()), abs=1e-4)
        assert found.other_prob[i] == pytest.approx(q[token], abs=1e-5)
        ids = found.candidate[i]
        assert found.candidate_prob[i] == pytest.approx(np.sort(q)[::-1][:N_CANDIDATES], abs=1e-5)
        assert found.candidate_prob[i] == pytest.approx(q[ids], abs=1e-5)
        assert found.candidate_before[i] == pytest.approx(p[ids], abs=1e-5)
        assert found.candidate_prob[i].sum() + found.rest[i] == pytest.approx(1)
        assert found.candidate_before[i].sum() + found.rest_before[i] == pytest.approx(1)


def test_the_same_context_moves_nothing(service):
    found = compare(service, others=[CONTEXT])
    assert found.kl.tolist() == [0.0]
    assert found.other_prob[0] == found.prob
    assert (found.candidate_prob == found.candidate_before).all()


def test_what_lies_outside_the_window_does_not_count(service):
    size = service.registered_run("plain").model_config.block_size
    long = "the cat sat on the mat. " * 3
    assert compare(service, context=long, others=[long[-size:]]).kl.tolist() == [0.0]


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"side": ("nobody", None, 1.0)}, SessionNotFound, None),
        ({"side": ("unborn", None, 1.0)}, ModelNotInitialized, None),
        ({"side": ("plain", 7, 1.0)}, StepNotFound, None),
        ({"context": ""}, InvalidInput, "context"),
        ({"context": "é"}, UnknownCharacters, "context"),
        ({"others": ["wor", "é"]}, UnknownCharacters, "others"),
        ({"others": [""]}, InvalidInput, "others"),
        ({"token": "é"}, InvalidInput, "token"),
    ],
)
def test_what_cannot_be_compared(service, changes, error, field):
    service.register(Session("unborn", "live", None))
    with pytest.raises(error) as caught:
        compare(service, **changes)
    assert getattr(caught.value, "field", None) == field


def test_a_comparison_that_is_refused_is_told_how_much_is_not(service):
    session = service.registered_session("plain")
    turns = SerialExecutor(session.run.model_config.gigaflops * 9.5)
    comparer = ContextComparer(service._models.get, turns)

    def ask(n):
        lane = Lane(session, None, 1.0)
        return asyncio.run(comparer.compare(lane, CONTEXT, ["wor"] * n, "l"))

    with pytest.raises(TooLarge) as caught:
        ask(OTHERS_MAX)
    assert caught.value.field == "others"
    assert caught.value.message.params["most"] == 8
    assert len(ask(8).kl) == 8
