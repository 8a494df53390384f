"""Stop sequences: where a text ends, and which tokens have to wait until that is known."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.lm.tokenizer import text_of_bytes
from playground.service.completions import CompletionToken, StopSequences, WholeCharacters

PIECES = st.lists(st.text("ab.", min_size=1, max_size=3), max_size=12)
STOPS = st.lists(st.text("ab.", min_size=1, max_size=4), max_size=3)


def tokens(pieces):
    return [CompletionToken(piece) for piece in pieces]


def text_of(found):
    return "".join(token.text for token in found)


def expected(pieces, stops):
    """The text before the first stop sequence, looked for after each token."""
    text = ""
    for piece in pieces:
        text += piece
        if found := [text.index(stop) for stop in stops if stop in text]:
            return text[: min(found)], True
    return text, False


@given(PIECES, STOPS)
def test_the_text_ends_before_the_first_stop_sequence(pieces, stops):
    stop = StopSequences(stops)
    found = []
    for token in tokens(pieces):
        found += stop.push([token])
        if stop.found:
            break
    found += stop.rest()
    assert (text_of(found), stop.found) == expected(pieces, stops)
    at_once = StopSequences(stops)
    assert at_once.push(tokens(pieces)) + at_once.rest() == found


@given(PIECES, STOPS)
def test_a_token_waits_only_while_a_stop_sequence_may_begin_in_it(pieces, stops):
    stop, passed, text = StopSequences(stops), "", ""
    for token in tokens(pieces):
        text += token.text
        passed += text_of(stop.push([token]))
        if stop.found:
            break
        held = text[len(passed) :]
        begun = [n for s in stops for n in range(1, len(s)) if text.endswith(s[:n])]
        assert text.startswith(passed)
        assert len(held) < max(begun, default=0) + len(token.text) + 3
        assert bool(held) == bool(begun)


def test_a_token_is_cut_where_the_stop_sequence_begins():
    stop = StopSequences(["b."])
    assert stop.push([CompletionToken("aab", -1.0), CompletionToken(".a", -2.0)]) == [
        CompletionToken("aa", -1.0)
    ]
    assert stop.found
    assert not stop.rest()


@pytest.mark.parametrize(("stops", "any_"), [([], False), (["a"], True)])
def test_without_sequences_nothing_is_looked_for(stops, any_):
    assert bool(StopSequences(stops)) is any_


def joined(contents, stops=()):
    """The tokens of pieces of UTF-8 with what each adds, and whether a stop sequence was found."""
    characters, stop, found = WholeCharacters(), StopSequences(stops), []
    for content in contents:
        found += stop.push(characters.push([CompletionToken(text_of_bytes(content))], [content]))
        if stop.found:
            return found, True
    found += stop.push(characters.rest())
    return found + stop.rest(), stop.found


@given(st.binary(max_size=12) | st.text(max_size=6).map(str.encode), st.data())
def test_characters_are_joined_once_they_are_whole(content, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    contents = [content[start:end] for start, end in pairwise([0, *cuts, len(content)])]
    found, _ = joined(contents)
    assert [token.shown for token in found] == [text_of_bytes(each) for each in contents]
    escaped = text_of(found).encode("utf-8", "surrogateescape")
    assert (escaped, text_of_bytes(escaped)) == (content, text_of_bytes(content))


def test_half_a_character_waits_and_the_last_part_adds_it():
    characters = WholeCharacters()
    assert characters.push([CompletionToken("⟨E2⟩")], [b"\xe2"]) == []
    assert characters.push([CompletionToken("⟨80⟩")], [b"\x80"]) == []
    whole = characters.push([CompletionToken("⟨99⟩t")], [b"\x99t"])
    assert [(token.text, token.shown) for token in whole] == [
        ("", "⟨E2⟩"), ("", "⟨80⟩"), ("’t", "⟨99⟩t"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stop", "text", "n_tokens", "is_found"),
    [("’", "don", 1, True), ("t", "don’", 4, True), ("⟨", "don’t\udce2", 6, False)],
)
def test_a_stop_sequence_is_looked_for_in_what_a_text_reads(stop, text, n_tokens, is_found):
    found, has_ended = joined([b"don", b"\xe2", b"\x80", b"\x99", b"t", b"\xe2"], [stop])
    assert (text_of(found), len(found), has_ended) == (text, n_tokens, is_found)
