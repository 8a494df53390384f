"""What followed a context in the text that a model learned from."""

import asyncio
import dataclasses
import re
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from playground.checkpoints.folder import load_model
from playground.corpus_index import suffix_array
from playground.corpus_index.suffix_array import LOOKUP_MAX
from playground.errors import InvalidInput, ModelNotInitialized, UnknownCharacters
from playground.lm.learning import validation_loss
from playground.service import corpus_lookup
from playground.service.corpus_lookup import BACKOFF_MAX, CorpusLookup
from playground.service.playground import Playground
from playground.service.sessions import Session
from playground.settings import Settings
from playground.training.corpora import (
    corpus_from_text,
    in_word_pieces,
    packaged_text,
    shuffle_lines,
)

TEXT = "the cat sat on the mat and the dog ran to the cat.\n" * 30
BUNDLED = {"tales": "tales", "shakespeare": "shakespeare", "shakespeare-large": "shakespeare"}


@pytest.fixture(scope="module")
def bundled():
    return Playground(Settings(hub_endpoint="http://127.0.0.1:9"))


def look_up(service, session_id, context, length=None):
    return asyncio.run(service.look_up(session_id, context, length))


def followers(found):
    """The texts of the tokens that followed, with their counts."""
    return {found.vocabulary.token_text(id): n for id, n in found.followers}


def trained_text(name):
    text = packaged_text(name)
    return text[: int(len(text) * 0.9)]


@pytest.mark.parametrize("session_id", BUNDLED)
def test_a_bundled_model_has_its_training_part_counted(bundled, session_id):
    text = trained_text(BUNDLED[session_id])
    for context in ("\n", "the ", "and the w", "\n\nT"):
        found = look_up(bundled, session_id, context, len(context))
        after = re.findall(f"(?={re.escape(context)}(.))", text, re.DOTALL)
        assert found.n_characters == len(text)
        assert found.count == found.counts[-1] == len(after) > 0
        assert followers(found) == Counter(after)
        for place in found.places:
            assert text.startswith(context + place.after, place.position)


def test_word_pieces_are_counted_in_the_text_as_the_model_reads_it(bundled):
    tokenizer = bundled.registered_run("shakespeare-pieces").vocabulary
    text = trained_text("shakespeare")
    ids = tokenizer.encode(text[:90_000])  # the tokenizer's process has a deadline
    for context in ("\n", " the", "My lord", "\n\nKING RICHARD"):
        asked = tokenizer.encode(context)
        found = look_up(bundled, "shakespeare-pieces", context, len(asked))
        assert (found.context, found.k, found.n_characters) == (context, len(asked), len(text))
        at = [i for i in range(len(ids) - 50) if ids[i : i + len(asked)] == asked]
        assert found.count >= len(at)
        counted = dict(found.followers)
        for id, n in Counter(ids[i + len(asked)] for i in at).items():
            assert counted[id] >= n
        assert sum(counted.values()) == found.count
        for place in found.places:
            assert place.after.startswith(place.next)
            assert place.before + context + place.after in text
    assert look_up(bundled, "shakespeare-pieces", "a", 0).count == 413_838


def test_tokens_that_were_written_are_looked_up_by_their_ids(bundled):
    tokenizer = bundled.registered_run("shakespeare-pieces").vocabulary
    first, *written = tokenizer.encode("My lord,")
    text = tokenizer.decode([first])
    found = asyncio.run(bundled.look_up("shakespeare-pieces", text, None, written))
    assert found == look_up(bundled, "shakespeare-pieces", "My lord,")
    # The same characters in other tokens, which the text never falls into.
    bytes_ = [tokenizer.encode(character)[0] for character in "My"]
    found = asyncio.run(bundled.look_up("shakespeare-pieces", " ", 2, bytes_))
    assert (found.context, found.count) == ("My", 0)


def test_a_list_is_counted_in_the_order_that_it_was_learned_in(bundled):
    names = shuffle_lines(packaged_text("names"), seed=1)
    trained = names[: int(len(names) * 0.9)]
    found = look_up(bundled, "names", "\nka", 3)
    assert found.count == trained.count("\nka")
    assert found.n_characters == len(trained)


@pytest.mark.slow
@pytest.mark.parametrize("session_id", ["names", "shakespeare"])
def test_the_text_is_the_one_that_the_model_was_measured_on(bundled, session_id):
    """Its validation part gives the loss that the checkpoint lists."""
    run = bundled.registered_run(session_id)
    name, seed = {"names": ("names", 1), "shakespeare": ("shakespeare", None)}[session_id]
    text = packaged_text(name)
    corpus = corpus_from_text(text if seed is None else shuffle_lines(text, seed), prompt="")
    model = load_model(run, None, max_bytes=2**30)
    loss = validation_loss(model, torch.from_numpy(corpus.validation))
    assert loss == pytest.approx(run.checkpoint(None).val_loss, abs=1e-4)


def test_the_longest_end_that_occurs_is_looked_up(bundled):
    found = look_up(bundled, "tales", "zzzzq the wolf")
    text = trained_text("tales")
    longest = next(n for n in range(BACKOFF_MAX, 0, -1) if "zzzzq the wolf"[-n:] in text)
    assert found.context == "zzzzq the wolf"[-longest:]
    assert len(found.counts) == longest + 1
    assert found.counts[0] == len(text)
    assert list(found.counts) == sorted(found.counts, reverse=True)
    long = look_up(bundled, "tales", text[1000:1200])
    assert long.context == text[1200 - BACKOFF_MAX : 1200]


def test_a_length_is_as_it_was_asked_for(bundled):
    text = trained_text("tales")
    exact = look_up(bundled, "tales", text[1000:1200], LOOKUP_MAX)
    assert exact.context == text[1200 - LOOKUP_MAX : 1200]
    assert exact.count >= 1
    never = look_up(bundled, "tales", "qqqqqq", 5)
    assert (never.context, never.count) == ("qqqqq", 0)
    assert (never.followers, never.places) == ((), ())
    nothing = look_up(bundled, "tales", "ab", 0)
    assert (nothing.context, nothing.places) == ("", ())
    assert nothing.count == nothing.n_characters
    assert look_up(bundled, "tales", "ab", 9).context == "ab"


def test_a_text_is_indexed_once(bundled, monkeypatch):
    built = []

    def counted(ids, n_ids):
        built.append(len(ids))
        return suffix_array.SuffixArray(ids, n_ids)

    monkeypatch.setattr(corpus_lookup, "SuffixArray", counted)
    service = Playground(Settings(hub_endpoint="http://127.0.0.1:9"))

    async def crowd():
        ids = ["shakespeare", "shakespeare-large"] * 5
        return await asyncio.gather(*(service.look_up(id, "the ", None) for id in ids))

    assert len({found.count for found in asyncio.run(crowd())}) == 1
    assert len(built) == 1


# --- Other models ------------------------------------------------------------------------------


def test_a_model_with_another_text_has_none(service):
    assert look_up(service, "plain", "the ") is None


def test_another_text_of_the_same_name_is_not_taken_for_the_models(service, write_model, tmp_path):
    run = write_model(tmp_path / "claims")
    config = run.config.model_copy(update={"corpus": "Tiny Shakespeare"})
    service.register(Session("claims", "bundled", dataclasses.replace(run, config=config)))
    assert look_up(service, "claims", "the ") is None


@pytest.mark.parametrize(("context", "error"), [("", InvalidInput), ("é", UnknownCharacters)])
def test_what_cannot_be_looked_up(service, context, error):
    with pytest.raises(error) as caught:
        look_up(service, "plain", context)
    assert caught.value.field == "context"


def test_a_session_without_a_model(service):
    service.register(Session("unborn", "live", None))
    with pytest.raises(ModelNotInitialized):
        look_up(service, "unborn", "a")


# --- Live trainings ----------------------------------------------------------------------------


def live(run, corpus, path=None, seed=3):
    """A live session, and a job as far as a look-up asks for it."""
    job = SimpleNamespace(
        session_id="live-1",
        corpus=corpus,
        plan=SimpleNamespace(params=SimpleNamespace(seed=seed)),
        text_path=path,
    )
    return Session("live-1", "live", run, listed=False), job


def test_a_trainings_own_text_is_counted_and_forgotten_with_it(write_model, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    run = write_model(tmp_path / "own", "".join(sorted(set(TEXT))))
    session, job = live(run, "text", path)
    lookup = CorpusLookup(lambda _: job, 2**20)

    async def main():
        found = await lookup.look_up(session, "the ", None)
        assert found.count == TEXT[: int(len(TEXT) * 0.9)].count("the ")
        path.unlink()
        again = await lookup.look_up(session, "the ", None)
        assert again == found, "from memory"
        lookup.forget("live-1")
        with pytest.raises(FileNotFoundError):
            await lookup.look_up(session, "the ", None)

    asyncio.run(main())


def test_arithmetic_is_that_of_the_trainings_seed(write_model, tmp_path):
    run = write_model(tmp_path / "sums", "\n+0123456789=")
    counts = set()
    for seed in (3, 4):
        session, job = live(run, "arithmetic", seed=seed)
        lookup = CorpusLookup(lambda _, job=job: job, 2**24)
        counts.add(asyncio.run(lookup.look_up(session, "\n12+7=", 6)).count)
    assert len(counts) == 2


def test_a_training_in_word_pieces_has_the_pieces_that_it_learned(write_model, tmp_path):
    text = "the cat sat on the mat and the dog ran to the cat.\n" * 30
    path = tmp_path / "text.txt"
    path.write_text(text)
    learned = in_word_pieces(corpus_from_text(text, prompt=""), 300)
    run = write_model(tmp_path / "own", tokenizer=learned.vocabulary)
    session, job = live(run, "text", path)
    lookup = CorpusLookup(lambda _: job, 2**20)

    async def main():
        found = await lookup.look_up(session, "the cat", None)
        ids = learned.train.tolist()
        [asked] = [learned.vocabulary.encode("the cat")]
        assert found.context == "the cat"
        at = [i for i in range(len(ids) - 2) if ids[i : i + len(asked)] == asked]
        assert found.count == len(at) > 0
        path.unlink()
        lookup.forget("live-1")
        with pytest.raises(FileNotFoundError):
            await lookup.look_up(session, "the ", None)

    asyncio.run(main())


def test_a_model_that_was_uploaded_has_no_text(write_model, tmp_path):
    session, job = live(write_model(tmp_path / "own"), None)
    lookup = CorpusLookup(lambda _: job, 2**20)
    assert asyncio.run(lookup.look_up(session, "the ", None)) is None
