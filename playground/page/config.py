"""Limits, defaults and ranges for the browser, served as GET /page/config.json.

Each value is a constant where it is enforced. Those that the page alone enforces are defined here;
the JavaScript repeats none of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from playground.api.qr import QR_BYTES_MAX
from playground.api.routes.hub import SEARCH_MAX
from playground.api.schemas.training import TrainingRequest
from playground.checkpoints.schema import NAME_MAX
from playground.corpus_index.suffix_array import LOOKUP_MAX
from playground.lessons.goals import GOALS
from playground.lm.generation import N_CANDIDATES
from playground.page.text_file import FIELD_MAX, TEXT_FILE_BYTES_MAX, TEXT_FORMAT, TEXT_VERSION
from playground.service.beams import DEPTH_MAX, WIDTH_MAX
from playground.service.context_comparison import OTHERS_MAX
from playground.service.corpus_lookup import BACKOFF_MAX
from playground.service.draws import DRAWS_MAX
from playground.service.generation import TOKENS_MAX
from playground.service.scoring import SCORE_TEXT_MAX
from playground.tokenization.references import REFERENCES
from playground.training.corpora import DEFAULT_CORPUS
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

# Of playback in a request: long, so that a crowd asks rarely and an answer may take its time. Short
# where a step may cost much, or weights change meanwhile.
CHUNK_MS = 4000
SHORT_CHUNK_MS = 2000
CHUNK_STEPS = (4, 40)  # steps in a request, all the same: the least, the most
CHUNK_FIRST = 0.25  # of a short one is requested where nothing is known ahead: it is there soon
# Of a chunk is left when the next one is requested, another share each time: visitors whom the same
# delay held up would ask all at once from then on.
CHUNK_RESERVE = (0.5, 0.75)

WRITE_TOKENS = 10  # that the menu beside Play writes at once

REQUEST_TIMEOUT_MS = 5000
ANSWER_MARGIN_MS = 2000  # before its timeout, in which the server says that a model is being loaded
RETRY_MS = 1000  # between two attempts to reach a server that gave no answer
PROBE_TIMEOUT_MS = 2000
HUB_TIMEOUT_MS = 15_000  # the server waits for the Hub, and reports a timeout sooner than this
UPLOAD_TIMEOUT_MS = 60_000  # of a text or a model, or of what the server downloads first

TABS = LIBRARY_TAB, LEARN_TAB = ("library", "learn")
LINK_VERSIONS = 1, 2  # that can be read; a link is written as the first that holds it
LINK_LENGTH_MAX = 2000  # characters of the link to a branch
PROMPT_MAX = 2000  # characters; longer links are cut off by what they are sent through
REVISION_MAX = 100
LINK_SEED_MAX = 2**31 - 1  # so that a link stays short; the API takes larger ones

# By the names of frontend/explore/panels.js, in the order of tabs.
EXPLORE_PANELS = (
    "branches",
    "surprise",
    "guess",
    "draw",
    "corpus",
    "context",
    "tokens",
    "lanes",
    "keep",
)
EXPLORE_STATE_MAX = 200  # characters of a panel's state in a link
TOKENIZED_TEXT_MAX = 500  # characters that the panel `tokens` cuts
DRAW_COUNTS = (100, 1000, DRAWS_MAX)  # buttons of the panel `draw`
WAYS_LENGTH = Range(1, DEPTH_MAX, 1, 20)  # characters that it writes in three ways
BEAM_WIDTH = Range(1, WIDTH_MAX, 1, 5)

# "explore" is the door to all panels.
HIDEABLE_CONTROLS = (
    "input", "play", "step", "regenerate", "speed", "sampling", "bars", "vocabulary",
    "training_step", "explore", *EXPLORE_PANELS,
)  # fmt: skip
TASK_MAX = 200

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
MERGES_MS = 8000  # in which the list of merges grows, slowly at first


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
            "write_tokens": WRITE_TOKENS,
            "chunk": {
                "low": CHUNK_STEPS[0],
                "high": CHUNK_STEPS[1],
                "duration_ms": CHUNK_MS,
                "short_duration_ms": SHORT_CHUNK_MS,
                "first": CHUNK_FIRST,
                "reserve": {"low": CHUNK_RESERVE[0], "high": CHUNK_RESERVE[1]},
            },
        },
        "requests": _requests_config(),
        "link": {
            "versions": LINK_VERSIONS,
            "length_max": LINK_LENGTH_MAX,
            "prompt_max": PROMPT_MAX,
            "revision_max": REVISION_MAX,
            "seed_max": LINK_SEED_MAX,
            "tabs": TABS,
        },
        "course": {
            "controls": HIDEABLE_CONTROLS,
            "task_max": TASK_MAX,
            "count_max": TOKENS_MAX,
            "goals": GOALS,
        },
        **_explore_config(),
        "library": {"first_session": FIRST_SESSION},
        "hub": {
            "poll_ms": HUB_POLL_MS,
            "failed_polls_max": FAILED_POLLS_MAX,
            "search_max": SEARCH_MAX,
            "models_shown_max": MODELS_SHOWN_MAX,
        },
        "qr_bytes_max": QR_BYTES_MAX,
        "text_file": {
            "format": {"format": TEXT_FORMAT, "version": TEXT_VERSION},
            "bytes_max": TEXT_FILE_BYTES_MAX,
            "field_max": FIELD_MAX,
        },
        "training": _training_config(),
    }


def _explore_config() -> dict[str, Any]:
    return {
        "explore": {"panels": EXPLORE_PANELS, "state_max": EXPLORE_STATE_MAX},
        "tokenizers": {
            "text_max": TOKENIZED_TEXT_MAX,
            "references": [{"id": id} | asdict(one) for id, one in REFERENCES.items()],
        },
        "score": {"text_max": SCORE_TEXT_MAX},
        "sampling": {
            "draws": DRAW_COUNTS,
            "length": asdict(WAYS_LENGTH),
            "width": asdict(BEAM_WIDTH),
        },
        "corpus": {"lookup_max": LOOKUP_MAX, "backoff_max": BACKOFF_MAX},
        "contexts": {"others_max": OTHERS_MAX},
    }


def _training_config() -> dict[str, Any]:
    return {
        "default_corpus": DEFAULT_CORPUS,
        "default_preset": TrainingRequest.model_fields["preset"].default,
        "default_tokenizer": TrainingRequest.model_fields["tokenizer"].default,
        "speeds": TRAINING_SPEEDS,
        "name_max": NAME_MAX,
        "active_states": PAUSABLE,
        "ended_states": ENDED,
        "milestones": [step for step in range(STEPS[1] + 1) if is_milestone(step)],
        "model_fields": list(MODEL_BOUNDS),
        "poll_ms": TRAINING_POLL_MS,
        "merges_ms": MERGES_MS,
    }


def _requests_config() -> dict[str, int]:
    """How long the page waits for answers, in milliseconds."""
    return {
        "timeout_ms": REQUEST_TIMEOUT_MS,
        "answer_margin_ms": ANSWER_MARGIN_MS,
        "retry_ms": RETRY_MS,
        "probe_timeout_ms": PROBE_TIMEOUT_MS,
        "hub_timeout_ms": HUB_TIMEOUT_MS,
        "upload_timeout_ms": UPLOAD_TIMEOUT_MS,
    }
