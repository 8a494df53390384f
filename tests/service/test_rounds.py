"""Rounds of the guessing game: text not learned from, and the same for everyone."""

import asyncio
import dataclasses
import math
from collections import Counter
from types import SimpleNamespace

import pytest

from playground.errors import InvalidInput, ModelNotInitialized
from playground.service.playground import Playground
from playground.service.rounds import ROUND_LENGTH, ROUND_MAX, Rounds
from playground.service.sessions import Session
from playground.settings import Settings
from playground.training.corpora import packaged_text, shuffle_lines

SEEDS = range(8)


@pytest.fixture(scope="module")
def bundled():
    return Playground(Settings(hub_endpoint="http://127.0.0.1:9"))


def play(service, session_id, seed, **more):
    return asyncio.run(service.round(session_id, seed, **more))


def split(text):
    cut = int(len(text) * 0.9)
    return text[:cut], text[cut:]


@pytest.mark.parametrize("session_id", ["tales", "shakespeare", "names"])
def test_a_passage_is_of_the_part_that_was_not_learned_and_begins_with_a_word(bundled, session_id):
    text = packaged_text(session_id)
    _, unseen = split(shuffle_lines(text, seed=1) if session_id == "names" else text)
    places = set()
    for seed in SEEDS:
        made = play(bundled, session_id, seed)
        answer = "".join(made.tokens)
        assert made.source == "text"
        assert (len(made.context), len(made.tokens)) == (64, ROUND_LENGTH)
        assert made.context + answer in unseen
        assert made.context[-1].isspace()
        assert not answer[0].isspace()
        places.add(unseen.index(made.context + answer))
    assert len(places) == len(SEEDS)


def test_a_round_in_word_pieces(bundled):
    _, unseen = split(packaged_text("shakespeare"))
    texts = set()
    for seed in SEEDS:
        made = play(bundled, "shakespeare-pieces", seed)
        assert made.source == "text"
        assert len(made.tokens) == len(made.ids) == ROUND_LENGTH
        assert made.context + "".join(made.tokens) in unseen
        assert made.tokens[0][0].isspace() != made.context[-1].isspace(), "a word begins"
        assert not made.tokens[0].isspace()
        texts.add(made.context)
    assert len(texts) == len(SEEDS)
    made = play(bundled, "shakespeare-pieces", 1, n=ROUND_MAX)
    assert sum(made.bigram) > sum(made.unigram), "in nats"


def test_the_baselines_are_those_of_the_counts_in_the_training_part(bundled):
    learned, _ = split(packaged_text("tales"))
    singles, size = Counter(learned), len(set(packaged_text("tales")))
    made = play(bundled, "tales", 3)
    before = made.context[-1]
    for token, unigram, bigram in zip(made.tokens, made.unigram, made.bigram, strict=True):
        frequency = (singles[token] + 1) / (len(learned) + size)
        assert unigram == pytest.approx(math.log(frequency))
        after = learned.count(before + token) if before != token else None
        if after is not None:
            n_before = singles[before] - (learned[-1] == before)
            assert bigram == pytest.approx(math.log((after + frequency) / (n_before + 1)))
        before = token


def test_a_round_is_a_function_of_session_seed_and_length(bundled):
    again = Playground(Settings(hub_endpoint="http://127.0.0.1:9"))
    assert play(bundled, "tales", 1951) == play(again, "tales", 1951)
    assert play(bundled, "tales", 1951) != play(bundled, "tales", 1952)
    assert play(bundled, "shakespeare", 5) == play(bundled, "shakespeare-large", 5), "one text"
    assert len(play(bundled, "tales", 1, n=ROUND_MAX).tokens) == ROUND_MAX


def test_a_model_without_its_text_writes_one_itself(service):
    made = play(service, "plain", 4)
    assert (made.source, made.unigram, made.bigram) == ("model", None, None)
    run = service.registered_run("plain")
    assert len(made.context) == run.model_config.block_size
    assert len(made.tokens) == ROUND_LENGTH
    assert made == play(service, "plain", 4)
    assert made != play(service, "plain", 5)


def test_another_text_of_the_same_name_is_not_taken_for_the_models(service, write_model, tmp_path):
    run = write_model(tmp_path / "claims")
    config = run.config.model_copy(update={"corpus": "Tiny Shakespeare"})
    service.register(Session("claims", "bundled", dataclasses.replace(run, config=config)))
    assert play(service, "claims", 1).source == "model"


def test_what_has_no_round(service):
    service.register(Session("unborn", "live", None))
    with pytest.raises(ModelNotInitialized):
        play(service, "unborn", 1)
    for n in (0, ROUND_MAX + 1):
        with pytest.raises(InvalidInput) as caught:
            play(service, "plain", 1, n=n)
        assert caught.value.field == "n"


# --- Live trainings ----------------------------------------------------------------------------


def test_a_training_has_rounds_of_its_own_text_until_it_is_forgotten(write_model, tmp_path):
    text = "the cat sat on the mat and the dog ran to the cat.\n" * 30
    path = tmp_path / "text.txt"
    path.write_text(text)
    run = write_model(tmp_path / "own", "".join(sorted(set(text))))
    params = SimpleNamespace(seed=3)
    job = SimpleNamespace(
        session_id="live-1", corpus="text", plan=SimpleNamespace(params=params), text_path=path
    )
    session = Session("live-1", "live", run, listed=False)
    rounds = Rounds(lambda _: job, None)

    async def main():
        made = await rounds.make(session, 1)
        assert made.context + "".join(made.tokens) in split(text)[1]
        path.unlink()
        assert await rounds.make(session, 1) == made, "from memory"
        rounds.forget("live-1")
        with pytest.raises(FileNotFoundError):
            await rounds.make(session, 1)

    asyncio.run(main())


def test_a_text_whose_unseen_part_is_shorter_than_a_round(write_model, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("abc\n" * 40)
    run = write_model(tmp_path / "own", "\nabc")
    params = SimpleNamespace(seed=3)
    job = SimpleNamespace(
        session_id="live-1", corpus="text", plan=SimpleNamespace(params=params), text_path=path
    )

    async def write(_session, _prompt, n, _seed):
        return [1] * n

    rounds = Rounds(lambda _: job, write)
    session = Session("live-1", "live", run, listed=False)
    assert asyncio.run(rounds.make(session, 1)).source == "model"
    assert asyncio.run(rounds.make(session, 1, 10)).source == "text"
