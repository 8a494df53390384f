"""The API as Gradio endpoints: named ones for `gradio_client`, which are MCP tools too.

The same operations as the routes, with the same names, bounds and answers.
"""

# Annotations are not postponed: Gradio reads the return types at runtime.

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypedDict, cast

import gradio as gr
import pydantic
from gradio.events import api

from playground.api.errors import invalid_request
from playground.api.schemas.generation import (
    GenerateRequest,
    NextTokenRequest,
    next_token_response,
    step_bodies,
)
from playground.api.schemas.sessions import SessionBody
from playground.errors import GenerationFailed, PlaygroundError
from playground.i18n.translate import DEFAULT_LOCALE, in_default_locale, use_locale
from playground.service.playground import Playground


class Probability(TypedDict):
    """The JSON of a CandidateBody; of a dataclass Gradio describes no fields."""

    token: str
    prob: float


class NextToken(TypedDict):
    next_token: str
    probabilities: list[Probability]
    context_used: str


class Progress(TypedDict):
    text: str
    step: dict[str, Any]
    seed: int


def add_gradio_endpoints(service: Playground) -> None:
    """Add the endpoints to the Blocks in whose context this is called."""
    # Unqueued where nothing streams: 2.5 ms a call instead of 10.
    api(_next_token(service), api_name="next_token", queue=False)
    api(_generate(service), api_name="generate", concurrency_limit=None)
    api(_sessions(service), api_name="sessions", queue=False)


def _next_token(service: Playground) -> Callable[..., Awaitable[NextToken]]:
    async def next_token(
        session_id: str = "shakespeare",
        context: str = "Hello wor",
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        step: int | None = None,
        position: int | None = None,
    ) -> NextToken:
        """The next character of a text, and the ten that the model found most probable.

        Args:
            session_id: A session's name, as /sessions lists them.
            context: The text so far; the model sees its last block_size characters.
            temperature: 0 to 10; 0 is the top choice, 1 the model's own distribution.
            top_k: Keep the k most probable characters; 0 is off.
            top_p: Keep the most probable characters that together reach p; 1.0 is off.
            seed: Each draw depends on (seed, position) alone; a new seed by default.
            step: Training step of the checkpoint; the last one by default.
            position: Absolute index of the character to come; len(context) by default.
        """
        with as_gradio_errors():
            body = NextTokenRequest(
                session_id=session_id, context=context, temperature=temperature, top_k=top_k,
                top_p=top_p, seed=seed, step=step, position=position,
            )  # fmt: skip
            params = body.sampling_params()
            generation = await service.generate(
                body.session_id, body.context, params, n=1, position=body.position, step=body.step
            )
        return cast(NextToken, next_token_response(generation, params.seed, intervals=False))

    return next_token


def _generate(service: Playground) -> Callable[..., AsyncIterator[Progress]]:
    async def generate(
        session_id: str = "shakespeare",
        context: str = "Hello wor",
        n: int = 50,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        step: int | None = None,
        position: int | None = None,
    ) -> AsyncIterator[Progress]:
        """Continue a text, one character at a time: the new text so far, and each step of it.

        Args:
            session_id: A session's name, as /sessions lists them.
            context: The text so far; the model sees its last block_size characters.
            n: Number of characters to append, 1 to 500.
            temperature: 0 to 10; 0 is the top choice, 1 the model's own distribution.
            top_k: Keep the k most probable characters; 0 is off.
            top_p: Keep the most probable characters that together reach p; 1.0 is off.
            seed: Each draw depends on (seed, position) alone; a new seed by default.
            step: Training step of the checkpoint; the last one by default.
            position: Absolute index of the character to come; len(context) by default.
        """
        with as_gradio_errors():
            body = GenerateRequest(
                session_id=session_id, context=context, n=n, temperature=temperature, top_k=top_k,
                top_p=top_p, seed=seed, step=step, position=position,
            )  # fmt: skip
            params = body.sampling_params()
            parts = service.stream(
                body.session_id,
                body.context,
                params,
                n=body.n,
                position=body.position,
                step=body.step,
            )
            ids: list[int] = []
            async for part in parts:
                for id, body_of_step in zip(part.steps.token, step_bodies(part), strict=True):
                    ids.append(int(id))  # parts of a character are joined once it is whole
                    text = part.vocabulary.decode(ids)
                    yield {"text": text, "step": body_of_step, "seed": params.seed}

    return generate


def _sessions(service: Playground) -> Callable[[], Awaitable[list[dict[str, Any]]]]:
    async def sessions() -> list[dict[str, Any]]:
        """Every model on offer: parameters, training steps, validation loss, example prompt."""
        with use_locale(DEFAULT_LOCALE):
            return [SessionBody.from_session(s).model_dump() for s in service.sessions()]

    return sessions


@contextmanager
def as_gradio_errors() -> Iterator[None]:
    """Raise each error as a `gr.Error` with the API's message in English; Gradio logs tracebacks
    of unexpected ones only."""
    try:
        yield
    except PlaygroundError as error:
        raise gr.Error(in_default_locale(error), print_exception=False) from None
    except pydantic.ValidationError as error:
        problem = in_default_locale(invalid_request(error.errors()))
        raise gr.Error(problem, print_exception=False) from None
    except Exception as error:
        raise gr.Error(in_default_locale(GenerationFailed.because(error))) from error
