"""A look-up equals a brute-force count."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.corpus_index.suffix_array import EXCERPT, LOOKUP_MAX, PLACES_MAX, SuffixArray
from playground.training.corpora import open_corpus


def brute_force(text, context):
    """Positions at which a context stands and something follows."""
    last = len(text) - len(context)
    return [i for i in range(last) if text.startswith(context, i)]


def agrees(text, index, context):
    at = brute_force(text, context)
    found = index.look_up(context)
    assert found.count == index.count(context) == len(at)
    assert dict(found.followers) == Counter(text[i + len(context)] for i in at)
    assert list(found.followers) == sorted(found.followers, key=lambda pair: (-pair[1], pair[0]))
    assert len(found.places) == (min(PLACES_MAX, len(at)) if context else 0)
    assert len({place.position for place in found.places}) == len(found.places)
    for place in found.places:
        end = place.position + len(context)
        assert place.position in at
        assert place.before == text[: place.position][-EXCERPT:]
        assert place.after == text[end : end + EXCERPT]


texts = st.one_of(
    st.text("ab", min_size=1, max_size=60),
    st.text("abc\n😀é\u0000", min_size=1, max_size=60),
    st.text("a", min_size=1, max_size=100),
    st.text(min_size=1, max_size=60).filter(lambda t: t.isprintable()),
)


@given(texts, st.data())
@example("a" * 100, None)
def test_a_look_up_equals_a_brute_force_count(text, data):
    index = SuffixArray(text)
    contexts = ["", text[:1], text[-1:], text[-3:], text[:LOOKUP_MAX], "zz"]
    if data is not None:
        start = data.draw(st.integers(0, len(text) - 1))
        contexts.append(text[start : start + data.draw(st.integers(0, LOOKUP_MAX))])
        contexts.append(data.draw(st.text("ab😀", max_size=4)))
    for context in contexts:
        agrees(text, index, context)


def test_a_whole_corpus_is_indexed():
    corpus = open_corpus("docs", seed=0)
    text = corpus.vocabulary.decode(corpus.train.tolist())
    index = SuffixArray(text)
    assert len(index) == len(text) == index.count("")
    for start in range(0, len(text), len(text) // 20):
        for n in (1, 2, 7, 12, LOOKUP_MAX):
            agrees(text, index, text[start : start + n])
    agrees(text, index, text[-9:])
    assert index.nbytes < 10 * len(text)


def test_a_longer_context_is_refused():
    with pytest.raises(ValueError, match="at most 32 characters"):
        SuffixArray("ab").count("a" * (LOOKUP_MAX + 1))
