"""The card's table of losses."""

from playground.checkpoints.model_card import model_card


def test_a_model_without_a_sliding_loss_has_no_column_for_it(tmp_path, write_model):
    run = write_model(tmp_path / "model")
    entries = [e.model_copy(update={"sliding_val_loss": None}) for e in run.checkpoints]
    cards = [
        model_card(run.config, run.model_config, listed, origin="", notes="").splitlines()
        for listed in (entries, run.checkpoints)
    ]
    without, listed = ([line for line in card if line.startswith("|")] for card in cards)
    assert without == [
        "| step | characters seen | training loss | validation loss |",
        "|-----:|----------------:|--------------:|----------------:|",
        "| 0 | 0 | 3.0000 | 2.5000 |",
        "| 50 | 3,200 | 3.0000 | 2.5000 |",
        "| 100 | 6,400 | 3.0000 | 2.5000 |",
    ]
    assert listed[0] == f"{without[0]} sliding window |"
    assert listed[2:] == [f"{without[2]}  |", f"{without[3]}  |", f"{without[4]} 2.2500 |"]
