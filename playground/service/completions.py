"""Completions: a prompt continued up to a number of tokens or a stop sequence, token by token."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from playground.errors import TooLarge
from playground.lm.sampling import SamplingParams
from playground.lm.tokenizer import Tokenizer, text_of_bytes
from playground.service.contexts import tokenize_text
from playground.service.generation import STREAM_TOKENS, Generation, Prompt
from playground.service.playground import Playground
from playground.service.scoring import SCORE_TEXT_MAX

FinishReason = Literal["stop", "length"]

_BAD_BYTES = re.compile("[\udc80-\udcff]+")  # as surrogateescape has what is no UTF-8
_UNIT = re.compile(f"{_BAD_BYTES.pattern}|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CompletionToken:
    """A token of a completion, and what was probable in its place.

    text: what it adds to the text: a character with the last of its parts, and nothing for a token
    that begins every text. logprob: natural logarithm of its probability, None where there is none.
    candidates: the most probable tokens with theirs, descending. label: by itself, where that is
    not what it adds.
    """

    text: str
    logprob: float | None = None
    candidates: tuple[tuple[str, float], ...] = ()
    label: str | None = None

    @property
    def shown(self) -> str:
        """The token by itself."""
        return self.text if self.label is None else self.label


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
    """Continue a prompt; the model's end tokens are stop sequences, too.

    What is echoed comes with the first new tokens: an error is raised before the first part, unless
    something breaks inside. Raises Overloaded, and as `Scorer.score` where the prompt is scored.
    """
    tokens = await _prompt_tokens(service, prompt, scored=options.scored) if options.echo else []
    if not options.n:
        yield CompletionPart(tokens, "length")
        return
    stop = StopSequences([*options.stop, *prompt.run.end_tokens])
    characters = WholeCharacters()
    n_part = STREAM_TOKENS if options.in_parts or stop else options.n
    n_left = options.n
    parts = service.stream_prompt(prompt, options.params, n=options.n, n_part=n_part)
    async with aclosing(parts):
        async for part in parts:
            tokens += stop.push(characters.push(*new_tokens(part)))
            n_left -= len(part.steps)
            if not (stop.found or n_left):
                tokens += stop.push(characters.rest())
            if stop.found or not n_left:
                tokens += stop.rest()
                yield CompletionPart(_shown(tokens), "stop" if stop.found else "length")
                return
            if tokens:
                yield CompletionPart(_shown(tokens), None)
            tokens = []


class WholeCharacters:
    """Passes tokens on whose characters are whole; holds back those that may hold a part of one.

    Bytes that turn out to be of no character stay together, escaped as half surrogates: no stop
    sequence has these.
    """

    def __init__(self) -> None:
        self._held: list[CompletionToken] = []
        self._contents: list[bytes] = []

    def push(
        self, tokens: Iterable[CompletionToken], contents: Iterable[bytes]
    ) -> list[CompletionToken]:
        """The tokens, of these and of those held back, that end with a character.

        contents: the bytes of each.
        """
        passed = []
        for token, content in zip(tokens, contents, strict=True):
            self._held.append(token)
            self._contents.append(content)
            text = b"".join(self._contents).decode("utf-8", "surrogateescape")
            if not _BAD_BYTES.match(text[-1:]):
                passed += self.rest()
        return passed

    def rest(self) -> list[CompletionToken]:
        """The tokens that are still held back: no more will come."""
        texts = _added_texts(self._contents)
        rest = [_with_text(token, text) for token, text in zip(self._held, texts, strict=True)]
        self._held, self._contents = [], []
        return rest


def _added_texts(contents: Sequence[bytes]) -> list[str]:
    """What each of several pieces of UTF-8 adds: a character with the last of its bytes."""
    ends = list(accumulate(map(len, contents)))
    texts, end, at = [""] * len(contents), 0, 0
    for unit in _UNIT.findall(b"".join(contents).decode("utf-8", "surrogateescape")):
        end += len(unit.encode("utf-8", "surrogateescape"))
        while ends[at] < end:
            at += 1
        texts[at] += unit
    return texts


def _with_text(token: CompletionToken, text: str) -> CompletionToken:
    """The token where it adds a text, which it need not be by itself."""
    return token if token.text == text else replace(token, text=text, label=token.shown)


def _shown(tokens: Iterable[CompletionToken]) -> list[CompletionToken]:
    """The tokens with escaped bytes as the house shows them."""
    return [
        replace(token, text=text_of_bytes(token.text.encode("utf-8", "surrogateescape")))
        if _BAD_BYTES.search(token.text)
        else token
        for token in tokens
    ]


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
            # A part of a character adds nothing: it waits for the last one, which adds it.
            while self._held and n_sure and n_sure >= len(self._held[0].text):
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
        kept.append(replace(token, text=token.text[:length]))
        length -= len(token.text)
    return kept


def new_tokens(generation: Generation) -> tuple[list[CompletionToken], list[bytes]]:
    """The tokens of a generation by themselves, and the bytes of each.

    Their logprobs are those after temperature, before truncation.
    """
    steps, vocabulary = generation.steps, generation.vocabulary
    ids = steps.token.tolist()
    tokens = _tokens(
        vocabulary,
        _texts(vocabulary, ids),
        _log(steps.prob),
        steps.candidate,
        steps.candidate_prob,
    )
    return tokens, [vocabulary.token_bytes(id) for id in ids]


async def _prompt_tokens(
    service: Playground, prompt: Prompt, *, scored: bool
) -> list[CompletionToken]:
    """The tokens of a prompt; nothing is predicted for the first. Raises as `Scorer.score`."""
    vocabulary = prompt.run.vocabulary
    tokens = await _place_tokens(service, prompt, scored=scored)
    found = await tokenize_text(vocabulary, prompt.context, field="prompt")
    # Not what the tokens read: a tokenizer may leave spaces out, or make letters small.
    starts = accumulate((token.start for token in found[1:]), max, initial=0)
    places = pairwise([*starts, len(prompt.context)])
    texts = [prompt.context[start:end] for start, end in places]
    return [_with_text(token, text) for token, text in zip(tokens, texts, strict=True)]


async def _place_tokens(
    service: Playground, prompt: Prompt, *, scored: bool
) -> list[CompletionToken]:
    """The tokens of a prompt, each by itself, with what was probable in its place."""
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
