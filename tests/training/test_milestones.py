"""The steps whose weights are kept, and those that are evaluated."""

from playground.training.milestones import checkpoint_steps, is_evaluated, is_milestone


def test_which_steps_are_kept_and_shown():
    assert [s for s in range(1001) if is_milestone(s)] == [0, 10, 30, 100, 300, 1000]
    assert [s for s in range(401) if is_evaluated(s)] == [
        0, 5, 10, 20, 30, 40, 60, 80, 100, 200, 300, 400,
    ]  # fmt: skip


def test_a_run_keeps_its_milestones_and_its_last_step():
    assert checkpoint_steps(2000) == [0, 10, 30, 100, 300, 1000, 2000]
    assert checkpoint_steps(1) == [0, 1]
    assert checkpoint_steps(300) == [0, 10, 30, 100, 300]
