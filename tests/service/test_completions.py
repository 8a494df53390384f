"""Stop sequences: where a text ends, and which tokens have to wait until that is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.service.completions import CompletionToken, StopSequences

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
