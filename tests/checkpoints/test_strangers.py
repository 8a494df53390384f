"""Models that others trained, read where they lie beside the project."""

import itertools

import numpy as np
import pytest
import torch

from playground.lm.sampling import log_softmax
from playground.settings import ROOT
from tests.checkpoints.gpt2 import opened
from tests.hub.fake_hub import files_of

SORT = ROOT.parent / "shared" / "data" / "models" / "llmviz-sort"
pytestmark = pytest.mark.skipif(not SORT.is_dir(), reason=f"no {SORT}")
INPUTS = torch.tensor(list(itertools.product(range(3), repeat=6)))


@torch.inference_mode()
def greedy(model, n=6):
    ids = INPUTS
    for _ in range(n):
        ids = torch.cat([ids, model(ids)[:, -1:].argmax(-1)], 1)
    return ids[:, -n:]


@pytest.mark.parametrize("name", ["nanogpt-asis", "hf-gpt2"])
def test_a_model_of_mingpt_sorts_whatever_it_gets(hub, settings, name):
    hub.commit("ada/sort", files_of(SORT / name))
    session, model = opened(settings, "ada/sort")
    assert session.run.vocabulary.characters == ("A", "B", "C")
    assert torch.equal(greedy(model), INPUTS.sort(1).values)


@torch.inference_mode()
def test_the_odds_are_those_of_transformers(hub, settings):
    transformers = pytest.importorskip("transformers")
    folder = SORT / "hf-gpt2"
    peer = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
    hub.commit("ada/sort", files_of(folder))
    _, model = opened(settings, "ada/sort")
    expected = log_softmax(peer(INPUTS).logits.numpy())
    found = log_softmax(model(INPUTS).numpy())
    np.testing.assert_allclose(np.exp(found), np.exp(expected), atol=1e-5)
