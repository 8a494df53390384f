import json
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.lm.text import adapt_text, normalize_text

CASES = json.loads((Path(__file__).parents[1] / "data" / "texts.json").read_text("utf-8"))
LETTERS = "aeoöÅêế한\u0308\u0301\u0302\u0323\u212b\u1112\u1161\u11ab👩\u200d"
LINE_ENDS = "\r\n\x85\u2028\u2029\ufeff"
texts = st.text(st.sampled_from(LETTERS + LINE_ENDS) | st.characters(), max_size=20)


@pytest.mark.parametrize("case", CASES["adapted"], ids=lambda case: case["name"])
def test_a_text_takes_the_forms_that_are_known(case):
    assert adapt_text(case["text"], set(case["known"])) == case["adapted"]


@pytest.mark.parametrize("case", CASES["texts"], ids=lambda case: case["name"])
def test_a_model_can_read_what_it_has_learned_as_it_was_written(case):
    if case["learned"] is not None:
        assert normalize_text(case["text"]) == case["learned"]
        assert adapt_text(case["text"], set(case["learned"]) | {"\n"}) == case["learned"]


@given(texts)
def test_a_normalized_text_stays_as_it_is(text):
    once = normalize_text(text)
    assert normalize_text(once) == once


@given(texts, texts)
def test_an_adapted_text_stays_as_it_is_and_is_equivalent(text, known):
    def unknown(text):
        return sum(character not in known for character in text)

    once = adapt_text(text, set(known))
    assert adapt_text(once, set(known)) == once
    assert unknown(once) <= unknown(text)
    assert decomposed(normalize_text(once)) == decomposed(normalize_text(text))


def decomposed(text):
    return unicodedata.normalize("NFD", text)


def test_the_time_is_linear_however_many_marks_a_letter_has():
    begun = time.perf_counter()
    adapt_text("a" + "\u0301\u0323" * 150_000, set("ab"))
    assert time.perf_counter() - begun < 60
