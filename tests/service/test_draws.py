import asyncio

import pytest

from playground.errors import (
    InvalidInput,
    ModelNotInitialized,
    SessionNotFound,
    StepNotFound,
    UnknownCharacters,
)
from playground.lm.sampling import SamplingParams
from playground.service.draws import DRAWS_MAX
from playground.service.sessions import Session

CONTEXT = "hello wor"
PARAMS = SamplingParams(1.3, top_k=20, top_p=0.95, seed=5)


def draw(service, session_id="plain", context=CONTEXT, params=PARAMS, n=5, **options):
    return asyncio.run(service.repeat_draw(session_id, context, params, n=n, **options))


@pytest.mark.parametrize("options", [{}, {"position": 1000}, {"step": 0}])
def test_each_draw_is_the_one_that_generation_makes_with_its_seed(service, options):
    n = 40
    found = draw(service, n=n, **options)

    async def generate():
        for at in range(n):
            params = SamplingParams(1.3, top_k=20, top_p=0.95, seed=5 + at)
            yield await service.generate("plain", CONTEXT, params, n=1, **options)

    async def tokens():
        return [one.steps.token[0] async for one in generate()]

    assert found.draws.tokens.tolist() == asyncio.run(tokens())
    assert found.position == options.get("position", len(CONTEXT))


def test_the_most(service):
    assert len(draw(service, n=DRAWS_MAX).draws.tokens) == DRAWS_MAX


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"session_id": "nobody"}, SessionNotFound, None),
        ({"session_id": "unborn"}, ModelNotInitialized, None),
        ({"context": ""}, InvalidInput, "context"),
        ({"context": "é"}, UnknownCharacters, "context"),
        ({"n": 0}, InvalidInput, "n"),
        ({"n": DRAWS_MAX + 1}, InvalidInput, "n"),
        ({"step": 7}, StepNotFound, None),
    ],
)
def test_what_cannot_be_drawn(service, changes, error, field):
    service.register(Session("unborn", "live", None))
    with pytest.raises(error) as caught:
        draw(service, **changes)
    assert getattr(caught.value, "field", None) == field
