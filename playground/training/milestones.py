"""The steps at which a run's weights are kept and it is evaluated: densely at first."""

from __future__ import annotations

MILESTONE_DIGITS = ("1", "3")
EVALUATION_DIGITS = ("1", "2", "3", "4", "6", "8")
EARLY_EVALUATIONS = (0, 5)
_FIRST = 10  # from here on, steps with one significant digit


def is_milestone(step: int) -> bool:
    """0, 10, 30, 100, 300, 1000 …: the weights of these steps are kept."""
    return step == 0 or _has_digit(step, MILESTONE_DIGITS)


def is_evaluated(step: int) -> bool:
    """0, 5, 10, 20, 30, 40, 60, 80, 100, 200, 300 …: losses and samples of these are reported."""
    return step in EARLY_EVALUATIONS or _has_digit(step, EVALUATION_DIGITS)


def checkpoint_steps(last: int) -> list[int]:
    """The milestones of a run up to its last step, which is always one."""
    powers = [10**exponent for exponent in range(1, len(str(last)) + 1)]
    steps = {int(digit) * power for digit in MILESTONE_DIGITS for power in powers}
    return sorted({0, last} | {step for step in steps if step < last})


def _has_digit(step: int, digits: tuple[str, ...]) -> bool:
    return step >= _FIRST and str(step).rstrip("0") in digits
