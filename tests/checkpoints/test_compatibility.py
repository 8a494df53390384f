"""Checkpoints that an earlier version wrote."""

import torch

from playground.checkpoints.folder import load_model, read_run
from playground.lm.learning import validation_loss
from playground.settings import ROOT

FOLDER = ROOT / "tests" / "data" / "names-full-attention"
NAMES = "emma\nolivia\nava\nisabella\nsophia\ncharlotte\nmia\namelia\nharper\nevelyn\n"


def test_a_config_without_the_kind_of_attention_means_the_whole_window():
    run = read_run(FOLDER)
    assert "attention" not in run.config.model
    assert run.model_config.attention == "full"
    assert run.model_config.spans == (64, 64, 64)


def test_it_predicts_as_well_as_it_did():
    run = read_run(FOLDER)
    model = load_model(run, None, max_bytes=2**20)
    loss = validation_loss(model, torch.tensor(run.vocabulary.encode(NAMES)))
    assert loss < 2.0
