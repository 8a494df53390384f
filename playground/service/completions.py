"""Completions: a prompt continued up to a number of tokens or a stop sequence, token by token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from playground.errors import TooLarge
from playground.lm.sampling import SamplingParams
from playground.lm.tokenizer import Tokenizer
from playground.service.playground import STREAM_TOKENS, Generation, Playground, Prompt
from playground.service.scoring import SCORE_TEXT_MAX

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class CompletionToken:
    """A token of a completion, and what was probable in its place.

    logprob: natural logarithm of its probability, None where there is none.
    candidates: the most probable tokens with theirs, descending.
    """

    text: str
    logprob: float | None = None
    candidates: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class CompletionOptions:
    """How a prompt is to be completed.

    n: number of new tokens at most, 0 to TOKENS_MAX. stop: the text ends before the first of these.
    echo: whether the tokens of the prompt come first; scored: with logprobs, at temperature 1.
    in_parts: whether tokens are wanted as soon as they are computed.
    """

    params: SamplingParams
    n: int
    stop: tuple[str, ...] = ()
    echo: bool = False
    scored: bool = False
    in_parts: bool = False


@dataclass(frozen=True, slots=True)
class CompletionPart:
    """Consecutive tokens of a completion; finish_reason: None in all parts but the last."""

    tokens: list[CompletionToken]
    finish_reason: FinishReason | None


async def complete(
    service: Playground, prompt: Prompt, options: CompletionOptions
) -> AsyncIterator[CompletionPart]:
    """Continue a prompt; the model's end token is a stop sequence, too.

    What is echoed comes with the first new tokens: an error is raised before the first part, unless
    something breaks inside. Raises Overloaded, and as `Scorer.score` where the prompt is scored.
    """
    tokens = await _prompt_tokens(service, prompt, scored=options.scored) if options.echo else []
    if not options.n:
        yield CompletionPart(tokens, "length")
        return
    end_token = prompt.run.config.end_token
    stop = StopSequences([*options.stop, *filter(None, [end_token])])
    n_part = STREAM_TOKENS if options.in_parts or stop else options.n
    n_left = options.n
    parts = service.stream_prompt(prompt, options.params, n=options.n, n_part=n_part)
    async with aclosing(parts):
        async for part in parts:
            tokens += stop.push(new_tokens(part))
            n_left -= len(part.steps)
            if stop.found or not n_left:
                yield CompletionPart(tokens + stop.rest(), "stop" if stop.found else "length")
                return
            if tokens:
                yield CompletionPart(tokens, None)
            tokens = []


class StopSequences:
    """Passes tokens on up to the first stop sequence; holds back those that may belong to one.

    found: whether there was one. A token that it begins in is cut there.
    """

    def __init__(self, sequences: Iterable[str]) -> None:
        self._sequences = tuple(sequences)
        self._held: list[CompletionToken] = []
        self.found = False

    def __bool__(self) -> bool:
        return bool(self._sequences)

    def push(self, tokens: Iterable[CompletionToken]) -> list[CompletionToken]:
        """The tokens, of these and of those held back, that belong to the text for sure."""
        passed: list[CompletionToken] = []
        for token in tokens:
            self._held.append(token)
            text = "".join(held.text for held in self._held)
            starts = [at for sequence in self._sequences if (at := text.find(sequence)) >= 0]
            if starts:
                passed += _cut(self._held, min(starts))
                self._held, self.found = [], True
                break
            n_sure = len(text) - max((_overlap(text, s) for s in self._sequences), default=0)
            while self._held and n_sure >= len(self._held[0].text):
                n_sure -= len(self._held[0].text)
                passed.append(self._held.pop(0))
        return passed

    def rest(self) -> list[CompletionToken]:
        """The tokens that are still held back: no more will come."""
        rest, self._held = self._held, []
        return rest


def _overlap(text: str, sequence: str) -> int:
    """Length of the longest end of a text that is a beginning of a sequence, but not all of it."""
    longest = min(len(text), len(sequence) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(sequence[:n])), 0)


def _cut(tokens: Sequence[CompletionToken], length: int) -> list[CompletionToken]:
    """The tokens of the first `length` characters; the last of them may be a part of one."""
    kept = []
    for token in tokens:
        if length <= 0:
            break
        kept.append(CompletionToken(token.text[:length], token.logprob, token.candidates))
        length -= len(token.text)
    return kept


def new_tokens(generation: Generation) -> list[CompletionToken]:
    """The tokens of a generation; their logprobs are those after temperature, before truncation."""
    steps = generation.steps
    texts = _texts(generation.vocabulary, steps.token.tolist())
    return _tokens(
        generation.vocabulary, texts, _log(steps.prob), steps.candidate, steps.candidate_prob
    )


async def _prompt_tokens(
    service: Playground, prompt: Prompt, *, scored: bool
) -> list[CompletionToken]:
    """The tokens of a prompt; nothing is predicted for the first. Raises as `Scorer.score`."""
    vocabulary = prompt.run.vocabulary
    texts = _texts(vocabulary, prompt.ids)
    if not scored:
        return [CompletionToken(text) for text in texts]
    if len(prompt.context) > SCORE_TEXT_MAX:
        raise _too_long_to_score(SCORE_TEXT_MAX)
    try:
        score = await service.score(prompt.session.session_id, prompt.context, prompt.entry.step)
    except TooLarge as error:
        raise _too_long_to_score(error.message.params["most"]) from None
    first, scores, n = CompletionToken(texts[0]), score.scores, len(texts) - 1
    if scores is None or n == 0:
        return [first]
    logprobs, candidates, probs = scores.logprobs[-n:], scores.candidates[-n:], scores.probs[-n:]
    return [first, *_tokens(vocabulary, texts[1:], logprobs, candidates, probs)]


def _too_long_to_score(most: int) -> TooLarge:
    return TooLarge("errors.prompt_scored_length", most=most).at("prompt")


def _tokens(
    vocabulary: Tokenizer,
    texts: list[str],
    logprobs: npt.NDArray[np.float64],
    candidates: npt.NDArray[np.intp],
    candidate_probs: npt.NDArray[np.float64],
) -> list[CompletionToken]:
    """Tokens of N texts, logprobs (N,), and ids and probabilities of candidates, (N, K) each."""
    columns = logprobs.tolist(), candidates.tolist(), _log(candidate_probs).tolist()
    return [
        CompletionToken(text, logprob, tuple(zip(_texts(vocabulary, ids), logs, strict=True)))
        for text, logprob, ids, logs in zip(texts, *columns, strict=True)
    ]


def _texts(vocabulary: Tokenizer, ids: Iterable[int]) -> list[str]:
    """The text of each token."""
    return [vocabulary.token_text(id) for id in ids]


def _log(probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Natural logarithms; -inf of a probability that is too small for a float."""
    with np.errstate(divide="ignore"):
        logs: npt.NDArray[np.float64] = np.log(probs)
    return logs
