"""Corpora that can be learned, and their baselines."""

import itertools
import math

import numpy as np
import pytest

from playground.lm.vocabulary import Vocabulary
from playground.training.corpora import (
    Corpus,
    compute_baselines,
    corpus_from_text,
    open_corpus,
)
from playground.training.texts import check_text


@pytest.mark.parametrize("name", ["tales", "docs", "python", "arithmetic", "shakespeare"])
def test_what_every_machine_has(name):
    corpus = open_corpus(name, seed=1)
    again = open_corpus(name, seed=1)
    assert np.array_equal(corpus.train, again.train)
    assert len(corpus.train) > 300_000
    assert len(corpus.validation) > 1000
    assert 10 <= len(corpus.vocabulary) <= 200
    assert max(corpus.train.max(), corpus.validation.max()) < len(corpus.vocabulary)
    corpus.vocabulary.encode(corpus.prompt)
    marks = compute_baselines(corpus)
    assert marks.uniform == pytest.approx(math.log(len(corpus.vocabulary)))
    assert marks.uniform > marks.unigram > marks.bigram > 1


def test_sums_are_right_and_none_of_those_asked_for_is_learned():
    corpus = open_corpus("arithmetic", seed=3)
    lines = corpus.vocabulary.decode(corpus.train).splitlines()
    known = set()
    for line in lines:
        terms, total = line.split("=")
        a, b = map(int, terms.split("+"))
        assert a + b == int(total)
        known.add(frozenset((a, b)))
    for question, answer in corpus.problems:
        a, b = map(int, question[:-1].split("+"))
        assert answer == f"{a + b}\n"
        assert frozenset((a, b)) not in known  # in neither order
    assert corpus.end_token == "\n"
    other = open_corpus("arithmetic", seed=4)
    assert other.problems != corpus.problems


def test_windows_of_sums_begin_with_a_line():
    corpus = open_corpus("arithmetic", seed=1)
    text = corpus.vocabulary.decode(corpus.train)
    starts = corpus.item_starts()
    assert len(starts) == text.count("\n")
    assert all(i == 0 or text[i - 1] == "\n" for i in starts)
    assert open_corpus("docs", seed=1).item_starts() is None


def test_a_text_comes_back_from_its_ids():
    text = "Grüße 😀, na?\n" * 20
    corpus = corpus_from_text(text, prompt="Hm, €")
    whole = np.concatenate([corpus.train, corpus.validation])
    assert corpus.vocabulary.decode(whole) == text
    assert len(corpus.train) == int(len(text) * 0.9)
    assert corpus.prompt == ", "  # what of it the text knows


def test_landmarks_of_a_text_that_can_be_reckoned_by_hand():
    ids = np.array([0, 1] * 500)
    corpus = Corpus(Vocabulary("ab"), ids, ids[:100], "a")
    marks = compute_baselines(corpus)
    assert marks.uniform == pytest.approx(math.log(2))
    assert marks.unigram == pytest.approx(math.log(2))
    assert marks.bigram == pytest.approx(-math.log(500.5 / 501), abs=1e-5)


def letters(n):
    return "".join(map(chr, itertools.islice(itertools.count(0x4E00), n)))


@pytest.mark.parametrize("n_characters", [1_500, 20_000])
def test_a_large_alphabet_can_be_learned(n_characters):
    text = letters(n_characters) * 3
    check_text(text)
    corpus = corpus_from_text(text, prompt=text[:5])
    assert len(corpus.vocabulary) == n_characters
    marks = compute_baselines(corpus)
    assert marks.uniform == pytest.approx(math.log(n_characters))
    assert marks.bigram < marks.uniform


def test_the_bigram_loss_is_that_of_a_table_of_all_pairs():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 7, 400) ** 2 % 11
    corpus = Corpus(Vocabulary("abcdefghijk"), ids[:300], ids[300:], "a")
    counts = np.bincount(ids[:300], minlength=11) + 1.0
    table = np.zeros((11, 11)) + counts / counts.sum()
    np.add.at(table, (ids[:299], ids[1:300]), 1)
    table /= table.sum(1, keepdims=True)
    expected = -np.log(table[ids[300:-1], ids[301:]]).mean()
    assert compute_baselines(corpus).bigram == pytest.approx(expected)
