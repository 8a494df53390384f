"""A look-up equals a brute-force count."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.corpus_index.suffix_array import LOOKUP_MAX, PLACES_MAX, SuffixArray
from playground.training.corpora import open_corpus


def brute_force(ids, context):
    """Positions at which a context stands and something follows."""
    last = len(ids) - len(context)
    return [i for i in range(last) if ids[i : i + len(context)] == context]


def agrees(ids, index, context):
    at = brute_force(ids, context)
    found = index.look_up(context)
    assert found.count == index.count(context) == len(at)
    assert dict(found.followers) == Counter(ids[i + len(context)] for i in at)
    assert list(found.followers) == sorted(found.followers, key=lambda pair: (-pair[1], pair[0]))
    assert len(found.positions) == (min(PLACES_MAX, len(at)) if context else 0)
    assert len(set(found.positions)) == len(found.positions)
    assert set(found.positions) <= set(at)


def ids_below(n_ids, max_size=60):
    return st.tuples(
        st.lists(st.integers(0, n_ids - 1), min_size=1, max_size=max_size), st.just(n_ids)
    )


texts = st.one_of(ids_below(2), ids_below(1, 100), ids_below(7), ids_below(257), ids_below(70_000))


@given(texts, st.data())
@example(([0] * 100, 1), None)
@example(([255, 256, 1, 255, 256, 0], 257), None)
def test_a_look_up_equals_a_brute_force_count(text, data):
    ids, n_ids = text
    index = SuffixArray(np.array(ids), n_ids)
    contexts = [[], ids[:1], ids[-1:], ids[-3:], ids[:LOOKUP_MAX], [n_ids - 1, n_ids - 1]]
    if data is not None:
        start = data.draw(st.integers(0, len(ids) - 1))
        contexts.append(ids[start : start + data.draw(st.integers(0, LOOKUP_MAX))])
        contexts.append(data.draw(st.lists(st.integers(0, n_ids - 1), max_size=4)))
    for context in contexts:
        agrees(ids, index, context)


def test_a_whole_corpus_is_indexed():
    corpus = open_corpus("docs", seed=0)
    ids = corpus.train.tolist()
    index = SuffixArray(corpus.train, len(corpus.vocabulary))
    assert len(index) == len(ids) == index.count([])
    text = corpus.vocabulary.decode(ids)
    for start in range(0, len(ids), len(ids) // 20):
        for n in (1, 2, 7, 12, LOOKUP_MAX):
            context = text[start : start + n]
            at = [i for i in range(len(text) - n) if text.startswith(context, i)]
            assert index.count(ids[start : start + n]) == len(at)
    agrees(ids, index, ids[-9:])
    assert index.nbytes < 10 * len(ids)


def test_a_longer_context_is_refused():
    with pytest.raises(ValueError, match="at most 32 tokens"):
        SuffixArray(np.array([0, 1]), 2).count([0] * (LOOKUP_MAX + 1))
