"""Training presets, those that the page offers among them, and the range of each hyperparameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from playground.lm.learning import SEED_MAX, TrainingParams
from playground.lm.model import ModelConfig
from playground.training.choices import Choice

PresetName = Literal["quick-100k", "quick-15k", "quick-800k", "plain"]
"""The presets that the page offers."""

DEFAULT_PRESET: PresetName = "quick-100k"
TYPICAL_VOCAB_SIZE = 100  # for estimates, before the corpus is known

# Of a live training; both ends included.
N_PARAMS_MAX = 4_000_000  # 16 MB a checkpoint, of which a run keeps a dozen
CHARACTERS_PER_STEP_MAX = 32_768
LOGITS_PER_STEP_MAX = 2**26  # an update holds about five copies: 1.3 GB of a worker's memory
STEPS = (1, 20_000)
BATCH_SIZE = (1, 256)
SEED = (0, SEED_MAX)
LEARNING_RATE_FACTOR = 100  # above and below the preset's own
MODEL_BOUNDS: dict[str, tuple[int, int]] = {
    "n_layer": (1, 8),
    "n_head": (1, 8),
    "n_embd": (8, 256),
    "block_size": (8, 256),
}


@dataclass(frozen=True, slots=True)
class Preset:
    """Hyperparameters under a name: the fields of ModelConfig but vocab_size, and the params."""

    model: dict[str, Any]
    params: TrainingParams

    def config(self, vocab_size: int) -> ModelConfig:
        return ModelConfig(vocab_size=vocab_size, **self.model)


_TINY: dict[str, Any] = {
    "n_layer": 1, "n_head": 1, "n_loop": 3, "n_offset": 4, "share_offsets": True,
    "tied": True, "activation": "relu2", "attention": "sliding",
}  # fmt: skip
PRESETS = {
    # 16,000 parameters: embeddings shared and tied, the layer looped.
    "small": Preset(
        _TINY | {"n_embd": 40, "n_key": 16, "n_hidden": 128},
        TrainingParams(batch_size=256, lr=0.04, matrix_lr=0.05),
    ),
    # A million parameters, half of them in n-gram tables, whose look-up costs little.
    "large": Preset(
        {"n_layer": 2, "n_head": 4, "n_embd": 128, "n_hidden": 512, "activation": "relu2"}
        | {"n_offset": 4, "n_gram": 3, "n_gram_rows": 2048, "attention": "sliding"},
        TrainingParams(batch_size=96, lr=0.01, matrix_lr=0.03, dropout=0.1),
    ),
    # For word pieces (--tokenizer bpe): most weights are embeddings of tokens and of their pairs.
    "pieces": Preset(
        {"n_layer": 3, "n_head": 4, "n_embd": 128, "n_hidden": 512, "activation": "relu2"}
        | {"n_offset": 2, "n_gram": 2, "n_gram_rows": 4096, "attention": "sliding"},
        TrainingParams(batch_size=48, lr=0.01, matrix_lr=0.03, dropout=0.2),
    ),
    # For lists with an item a line.
    "names": Preset(
        _TINY | {"n_embd": 48, "n_key": 24, "n_hidden": 192},
        TrainingParams(batch_size=64, lr=0.04, matrix_lr=0.05),
    ),
    # The lowest loss within seconds: n-gram tables, and one narrow layer over them.
    "quick": Preset(
        {"n_layer": 1, "n_head": 1, "n_embd": 32, "n_hidden": 128, "activation": "relu2"}
        | {"n_offset": 4, "n_gram": 4, "n_gram_rows": 8192, "attention": "sliding"},
        TrainingParams(steps=300, batch_size=24, lr=0.04, matrix_lr=0.03),
    ),
    # For live training: words within seconds, on one thread.
    "quick-15k": Preset(
        _TINY | {"n_embd": 36, "n_hidden": 120},
        TrainingParams(steps=600, batch_size=24),
    ),
    "quick-100k": Preset(
        {"n_layer": 1, "n_head": 4, "n_embd": 48, "n_hidden": 192, "activation": "relu2"}
        | {"n_offset": 4, "n_gram": 3, "n_gram_rows": 640, "attention": "sliding"},
        TrainingParams(
            steps=1000, batch_size=16, lr=0.03, matrix_lr=0.06, momentum=0.85, decay=0.7
        ),
    ),
    "quick-800k": Preset(
        {"n_layer": 4, "n_head": 4, "n_embd": 128, "n_hidden": 512}
        | {"n_offset": 4, "activation": "relu2", "attention": "sliding"},
        TrainingParams(steps=600, batch_size=24, matrix_lr=0.03, decay=0.7),
    ),
    # A textbook GPT, with full attention.
    "plain": Preset(
        {"n_layer": 4, "n_head": 4, "n_embd": 128, "n_hidden": 512},
        TrainingParams(
            batch_size=12, optimizer="adamw", lr=1e-3, weight_decay=0.1, warmup=100, decay=0.95
        ),
    ),
}


LIVE_PRESETS: tuple[Choice[PresetName], ...] = tuple(
    Choice(name, f"training.preset_{name}") for name in get_args(PresetName)
)


def learning_rate(params: TrainingParams) -> float:
    """The peak rate of a recipe: Muon's, to which AdamW's is proportional; without Muon AdamW's."""
    return params.matrix_lr if params.optimizer == "muon" else params.lr


def learning_rate_bounds(preset: PresetName) -> tuple[float, float]:
    """The range of peak rates of a preset, both ends included."""
    rate = learning_rate(PRESETS[preset].params)
    return rate / LEARNING_RATE_FACTOR, rate * LEARNING_RATE_FACTOR
