"""Sizes of strangers' configs, whatever it would take to build them."""

import time

import pytest

pytest.importorskip("transformers")

from playground.checkpoints import architecture
from playground.checkpoints.architecture import ArchitectureInspector
from playground.errors import BadCheckpoint

SIZES = {
    "vocab_size": 272,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 48,
}


@pytest.fixture(scope="module")
def inspector():
    return ArchitectureInspector()


@pytest.mark.parametrize(
    "values",
    [
        {"model_type": "xlstm", "num_heads": 2, "num_blocks": 4000},
        {"model_type": "gpt_neo", "attention_types": [[["global"], 300_000_000]]},
        {"model_type": "nemotron_h", "hybrid_override_pattern": "M*" * 2000},
        {"model_type": "nemotron_h", "hybrid_override_pattern": "M" * 10_000_000},
        {"model_type": "llama", "num_hidden_layers": 10**8},
        {"model_type": "gpt2", "num_hidden_layers": 10**15},
    ],
    ids=["blocks", "types", "pattern", "long pattern", "layers", "more layers"],
)  # fmt: skip
def test_parts_without_end_are_refused_soon(inspector, values):
    start = time.monotonic()
    with pytest.raises(BadCheckpoint, match=r"so many parts .* a smaller model"):
        inspector.inspect(SIZES | values)
    assert time.monotonic() - start < 60
    assert inspector.inspect(SIZES | {"model_type": "llama"}).n_params


def test_what_takes_too_long_is_ended(inspector, monkeypatch):
    inspector.inspect(SIZES | {"model_type": "gpt_neox"})
    child = inspector._child
    monkeypatch.setattr(architecture, "BUILD_SECONDS", 0.05)
    with pytest.raises(BadCheckpoint, match="takes too long"):
        inspector.inspect(SIZES | {"model_type": "llama", "num_hidden_layers": 600})
    assert child.has_ended


def test_wide_models_are_only_counted(inspector):
    moe = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
    values = SIZES | {"model_type": "qwen2_moe", "shared_expert_intermediate_size": 512} | moe
    assert inspector.inspect(values).n_params < 10**6
    values = SIZES | {"model_type": "llama", "hidden_size": 2**20, "rope_theta": 10**10}
    assert inspector.inspect(values).n_params > 10**12


@pytest.mark.parametrize("n_layers", [0, -2])
@pytest.mark.parametrize("name", ["n_layer", "num_hidden_layers"])
def test_a_model_without_layers_is_none(inspector, name, n_layers):
    values = {"model_type": "gpt2", "vocab_size": 272, name: n_layers}
    with pytest.raises(BadCheckpoint, match=f"makes no model: {n_layers} layers"):
        inspector.inspect(values)


def test_the_reason_is_told_to_its_end(inspector):
    with pytest.raises(BadCheckpoint, match=r"'n_layer': .*expected int, got str"):
        inspector.inspect(SIZES | {"model_type": "gpt2", "n_layer": "two"})


def test_what_changes_no_answer_is_not_passed_on(inspector):
    idle = {
        "return_dict": False, "use_return_dict": False, "output_attentions": True,
        "use_cache": False, "attn_pdrop": "0.1", "initializer_range": None,
    }  # fmt: skip
    plain = SIZES | {"model_type": "gpt2"}
    assert inspector.inspect(plain | idle) == inspector.inspect(plain)


def test_the_window_is_that_of_the_architecture(inspector):
    ctrl = {"vocab_size": 272, "n_embd": 16, "dff": 24, "n_layer": 2, "n_head": 2}
    assert inspector.inspect(ctrl | {"model_type": "ctrl"}).window == 256
    bloom = {"vocab_size": 272, "hidden_size": 16, "n_layer": 2, "n_head": 2}
    assert inspector.inspect(bloom | {"model_type": "bloom"}).window is None
