"""Validation and encoding of contexts, the texts that a model reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playground.checkpoints.errors import as_invalid_input
from playground.checkpoints.folder import BaseRun
from playground.errors import InvalidInput
from playground.lm.tokenizer import Token, Tokenizer
from playground.lm.vocabulary import UnknownCharactersError

CONTEXT_MAX = 100_000  # characters


async def encode_context(run: BaseRun, context: str, suffix_ids: Sequence[int] = ()) -> list[int]:
    """Token ids of a context of 1 to CONTEXT_MAX characters, and of the tokens after it.

    Raises InvalidInput, BadCheckpoint.
    """
    if not 1 <= len(context) <= CONTEXT_MAX:
        raise InvalidInput("errors.context_length", most=CONTEXT_MAX).at("context")
    check_ids(run, suffix_ids, field="context_ids")
    return [*await encode_text(run.vocabulary, context, field="context"), *suffix_ids]


def check_ids(run: BaseRun, ids: Sequence[int], *, field: str) -> None:
    """Raises InvalidInput, at a field, for ids that no token of a model has."""
    size = run.model_config.vocab_size
    if any(id >= size for id in ids):
        raise InvalidInput("errors.unknown_token", field=field, most=size - 1).at(field)
    if (unused := next((id for id in ids if not run.vocabulary.token_bytes(id)), None)) is not None:
        raise InvalidInput("errors.unused_token", field=field, id=unused).at(field)


async def context_tail(run: BaseRun, context: str, suffix_ids: Sequence[int]) -> str:
    """The part of a context, and of the tokens after it, that a model reads."""
    size = run.model_config.block_size
    seen = suffix_ids[-size:]
    before = await text_tail(run.vocabulary, context, size - len(seen))
    return before + run.vocabulary.decode(seen)


async def encode_text(tokenizer: Tokenizer, text: str, *, field: str) -> list[int]:
    """Token ids of a text, one at least. Raises InvalidInput, at a field; BadCheckpoint."""
    if tokenizer.kind == "characters":  # a thread would take longer
        with _as_invalid_input(field):
            return tokenizer.encode(text)
    return [token.id for token in await tokenize_text(tokenizer, text, field=field)]


async def tokenize_text(tokenizer: Tokenizer, text: str, *, field: str) -> list[Token]:
    """The tokens of a text, with their places. Raises InvalidInput, at a field; BadCheckpoint."""
    if not text:
        return []
    with _as_invalid_input(field):
        _check_unicode(text, field)
        tokens = await asyncio.to_thread(tokenizer.tokenize, text)
    if not tokens:
        raise InvalidInput("errors.no_tokens").at(field)
    return tokens


@contextmanager
def _as_invalid_input(field: str) -> Iterator[None]:
    try:
        yield
    except UnknownCharactersError as error:
        raise as_invalid_input(error).at(field) from None


async def start_id(run: BaseRun) -> int | None:
    """The id of what stands before a text: an empty context. None without one; BadCheckpoint."""
    if run.start_token is None:
        return None
    ids = await encode_text(run.vocabulary, run.start_token, field="text")
    return ids[0] if len(ids) == 1 else None


async def have_same_tokens(tokenizer: Tokenizer, other: Tokenizer) -> bool:
    """Whether two tokenizers have the same tokens. Raises BadCheckpoint."""
    if tokenizer.kind == other.kind == "characters":
        return tokenizer.identity == other.identity
    return await asyncio.to_thread(lambda: tokenizer.identity == other.identity)


async def text_tail(tokenizer: Tokenizer, text: str, n: int) -> str:
    """The part of a text that its last n tokens stand for. Raises BadCheckpoint."""
    if tokenizer.kind == "characters":
        return tokenizer.tail(text, n)
    return await asyncio.to_thread(tokenizer.tail, text, n)


def _check_unicode(text: str, field: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("fields.unicode").at(field) from None
