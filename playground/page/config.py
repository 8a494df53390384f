"""What the browser must know: limits, defaults and ranges, served as GET /page/config.json.

Each value is a constant where it is enforced. Those that the page alone enforces are defined here;
the JavaScript repeats none of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from playground.api.qr import QR_BYTES_MAX
from playground.api.routes.hub import SEARCH_MAX
from playground.api.schemas.training import TrainingRequest
from playground.lm.generation import N_CANDIDATES
from playground.service.playground import TOKENS_MAX
from playground.training.corpora import DEFAULT_CORPUS
from playground.training.job import NAME_MAX
from playground.training.milestones import is_milestone
from playground.training.presets import MODEL_BOUNDS, STEPS
from playground.training.state import ENDED, PAUSABLE


@dataclass(frozen=True, slots=True)
class Range:
    """A slider: its ends, both included, its step, and its value at first."""

    low: float
    high: float
    step: float
    default: float


SPEED = Range(100, 2000, 50, 500)  # milliseconds a step
TEMPERATURE = Range(0.1, 2.0, 0.1, 1.0)  # beyond it a learner sees nothing new
TOP_K = Range(0, 50, 1, 0)
TOP_P = Range(0.05, 1.0, 0.05, 1.0)
PICKS = ("top", "sample")  # the first one is the default

CHUNK_STEPS = (4, 32)  # steps in a request: the least, the most
CHUNK_MS = 2000  # of playback in a request, within CHUNK_STEPS

REQUEST_TIMEOUT_MS = 5000
RETRY_MS = 1000  # between two attempts to reach a server that gave no answer
PROBE_TIMEOUT_MS = 2000
HUB_TIMEOUT_MS = 15_000  # the server waits for the Hub, and reports a timeout sooner than this
UPLOAD_TIMEOUT_MS = 60_000  # of a text or a model, or of what the server downloads first

TABS = LIBRARY_TAB, LEARN_TAB = ("library", "learn")
LINK_VERSION = 1
PROMPT_MAX = 2000  # characters; longer links are cut off by what they are sent through
REVISION_MAX = 100
SEED_MAX = 2**31 - 1

HIDEABLE_CONTROLS = (
    "input", "play", "step", "regenerate", "speed", "sampling", "bars", "vocabulary",
    "training_step",
)  # fmt: skip
TASK_MAX = 200
GOALS = {"tokens": 20, "choices": 3, "steps": 1}  # kinds of goals, each with its default count

FIRST_SESSION = "tales"  # chosen on a first visit, where it is bundled; else the smallest

HUB_POLL_MS = 250
FAILED_POLLS_MAX = 8  # in a row
MODELS_SHOWN_MAX = 50

TRAINING_SPEEDS = (1, 2, 5, 10, 20, 50, 100, None)  # steps per second; None: unlimited
TRAINING_POLL_MS = {
    "first": 120,  # until there is a loss
    "active": 300,
    "idle": 1000,
    "ended": 10_000,
    "hidden": 5000,  # another tab is shown
    "unseen_max": 60_000,  # of a hidden document; then polling ends, and the server may stop it
}


def page_config() -> dict[str, Any]:
    """The configuration as JSON-serializable values; frontend/types.d.ts has its type."""
    return {
        "controls": {
            "speed": asdict(SPEED),
            "temperature": asdict(TEMPERATURE),
            "top_k": asdict(TOP_K),
            "top_p": asdict(TOP_P),
            "pick": {"choices": PICKS, "default": PICKS[0]},
        },
        "generation": {
            "tokens_max": TOKENS_MAX,
            "candidates": N_CANDIDATES,
            "chunk": {"low": CHUNK_STEPS[0], "high": CHUNK_STEPS[1], "duration_ms": CHUNK_MS},
        },
        "requests": {
            "timeout_ms": REQUEST_TIMEOUT_MS,
            "retry_ms": RETRY_MS,
            "probe_timeout_ms": PROBE_TIMEOUT_MS,
            "hub_timeout_ms": HUB_TIMEOUT_MS,
            "upload_timeout_ms": UPLOAD_TIMEOUT_MS,
        },
        "link": {
            "version": LINK_VERSION,
            "prompt_max": PROMPT_MAX,
            "revision_max": REVISION_MAX,
            "seed_max": SEED_MAX,
            "tabs": TABS,
        },
        "course": {
            "controls": HIDEABLE_CONTROLS,
            "task_max": TASK_MAX,
            "count_max": TOKENS_MAX,
            "goals": GOALS,
        },
        "library": {"first_session": FIRST_SESSION},
        "hub": {
            "poll_ms": HUB_POLL_MS,
            "failed_polls_max": FAILED_POLLS_MAX,
            "search_max": SEARCH_MAX,
            "models_shown_max": MODELS_SHOWN_MAX,
        },
        "qr_bytes_max": QR_BYTES_MAX,
        "training": _training_config(),
    }


def _training_config() -> dict[str, Any]:
    return {
        "default_corpus": DEFAULT_CORPUS,
        "default_preset": TrainingRequest.model_fields["preset"].default,
        "speeds": TRAINING_SPEEDS,
        "name_max": NAME_MAX,
        "active_states": PAUSABLE,
        "ended_states": ENDED,
        "milestones": [step for step in range(STEPS[1] + 1) if is_milestone(step)],
        "model_fields": list(MODEL_BOUNDS),
        "poll_ms": TRAINING_POLL_MS,
    }
