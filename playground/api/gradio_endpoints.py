"""The API as every Gradio app offers one: named endpoints for `gradio_client`, and MCP tools.

The same use cases as `api`, with the same names, bounds and answers.
"""

# Annotations are not postponed here: Gradio reads the type of an answer as it stands.

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

import gradio as gr
import pydantic

from playground.api.app import first_problem, generate_steps
from playground.api.schemas import GenerateRequest, NextTokenRequest, SessionBody, StepBody
from playground.errors import GenerationFailed, PlaygroundError
from playground.i18n.translate import DEFAULT_LOCALE, in_default_locale, use_locale
from playground.service.playground import Playground


class Probability(TypedDict):
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


def publish(service: Playground) -> None:
    """Add the endpoints to the Blocks that is being built."""

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
            answer = (await generate_steps(service, body, n=1)).next_token()
        return answer.model_dump()  # type: ignore[return-value]

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
            params = body.sampling()
            generation = await service.generate(
                session_id, context, params, n=n, position=position, step=step
            )
            text = ""
            async for made in generation.steps:
                text += made.token
                yield {"text": text, "step": StepBody.of(made).model_dump(), "seed": params.seed}

    async def sessions() -> list[dict[str, Any]]:
        """Every model on offer: parameters, training steps, validation loss, example prompt."""
        with use_locale(DEFAULT_LOCALE):
            return [SessionBody.of(session).model_dump() for session in service.sessions()]

    # Unqueued where nothing streams: 2.5 ms a call instead of 10.
    gr.api(next_token, api_name="next_token", queue=False)
    gr.api(generate, api_name="generate", concurrency_limit=None)
    gr.api(sessions, api_name="sessions", queue=False)


@contextmanager
def as_gradio_errors() -> Iterator[None]:
    """Turn each error into a `gr.Error` that says what the API says, in English; Gradio logs the
    unforeseen."""
    try:
        yield
    except PlaygroundError as error:
        raise gr.Error(in_default_locale(error), print_exception=False) from None
    except pydantic.ValidationError as error:
        problem = in_default_locale(first_problem(error.errors()))
        raise gr.Error(problem, print_exception=False) from None
    except Exception as error:
        raise gr.Error(in_default_locale(GenerationFailed.because(error))) from error
