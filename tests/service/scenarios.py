"""Text and session ids of a service."""

import asyncio

from playground.lm.sampling import SamplingParams

GREEDY = SamplingParams(temperature=0)


def text_of(service, session_id="plain", context="ab", params=GREEDY, n=12, **arguments):
    async def write():
        generation = await service.generate(session_id, context, params, n=n, **arguments)
        return generation.text

    return asyncio.run(write())


def ids(service):
    return [session.session_id for session in service.sessions()]
