import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.lm.divergence import kl_divergence_bits
from playground.lm.sampling import log_softmax

rows = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*[st.lists(st.floats(-30, 30), min_size=n, max_size=n)] * 2)
)


@given(rows)
def test_it_equals_the_sum_over_the_vocabulary(pair):
    p, q = (log_softmax(np.array(logits)) for logits in pair)
    expected = sum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True)) / math.log(2)
    found = kl_divergence_bits(p, q)
    assert found == pytest.approx(expected, abs=1e-9)
    assert found >= 0


@given(rows)
def test_equal_distributions_are_exactly_nothing_apart(pair):
    p = log_softmax(np.array(pair[0]))
    assert kl_divergence_bits(p, p.copy()) == 0


def test_a_token_that_one_side_excludes():
    half, one = np.log([0.5, 0.5]), np.array([0.0, -np.inf])
    assert kl_divergence_bits(one, half) == pytest.approx(1)
    assert kl_divergence_bits(half, one) == math.inf
    assert kl_divergence_bits(one, one) == 0


def test_rows_are_compared_one_by_one():
    p = np.log([[0.5, 0.5], [0.25, 0.75]])
    q = np.log([[0.25, 0.75], [0.25, 0.75]])
    assert kl_divergence_bits(p, q) == pytest.approx([0.5 * 1 + 0.5 * math.log2(2 / 3), 0])
