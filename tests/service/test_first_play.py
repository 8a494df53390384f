"""What a visitor sees who only presses Play: English, without a loop."""

import asyncio
import re

from playground.lm.sampling import SamplingParams
from playground.page.config import FIRST_SESSION, SPEED
from playground.service.playground import Playground
from playground.settings import ROOT, Settings
from playground.training.corpora import open_corpus

SECONDS = 10
WRITTEN = 60  # characters: those of the first ten seconds at a brisk pace
SEEDS = 100


def words_of(text):
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


async def play():
    """The texts of 100 visitors who press Play on the page as it opens."""
    service = Playground(Settings(models_dir=ROOT / "models", generation_seconds=60))
    session = await service.get_session(FIRST_SESSION)
    config = session.run.config
    sampling = config.sampling

    async def text(seed):
        params = SamplingParams(sampling.temperature, sampling.top_k, sampling.top_p, seed)
        made = await service.generate(FIRST_SESSION, config.prompt, params, n=WRITTEN)
        return made.text

    try:
        return config.prompt, await asyncio.gather(*map(text, range(SEEDS)))
    finally:
        await service.close()


def test_a_first_play_writes_english_words_without_a_loop():
    assert 1000 * SECONDS / SPEED.default <= WRITTEN
    prompt, texts = asyncio.run(play())
    corpus = open_corpus("tales", seed=0)
    known = set(words_of(corpus.vocabulary.decode(corpus.train)))
    n_words = n_known = 0
    for text in texts:
        words = words_of(text[: text.rfind(" ")])  # the last one may be under way
        n_words += len(words)
        n_known += sum(word in known for word in words)
        assert len(set(words)) >= 0.6 * len(words), text
        triples = list(zip(words, words[1:], words[2:], strict=False))
        assert len(set(triples)) == len(triples), text
    assert n_known >= 0.95 * n_words
    assert n_words > 8 * SEEDS
    assert len(set(texts)) > 0.9 * SEEDS
    assert prompt == "Once upon a time"
