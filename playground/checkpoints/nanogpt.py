"""nanoGPT's format: a character-level GPT-2 (Radford et al. 2019) as safetensors.

    config.json                  n_layer, n_head, n_embd, block_size, vocab_size, bias
    vocab.json | tokenizer.json  the characters, in one of several common layouts
    model.safetensors            transformer.wte.weight, transformer.h.0.ln_1.weight ...

transformers' GPT-2 and minGPT keep the same model in other spellings, which are read too: see
gpt2_config.py and gpt2_weights.py. The weights of its layer norms are folded into the matrices
after them. Files are checked as those of the native format are.
"""

from __future__ import annotations

from pathlib import Path

from playground.checkpoints.characters import parse_characters
from playground.checkpoints.folder import Run, read_index, vocabulary_file
from playground.checkpoints.folder import read_run as read_native_run
from playground.checkpoints.gpt2_config import (
    check_vocabulary_size,
    config_values,
    is_nanogpt,
    model_config,
    trained_steps,
)
from playground.checkpoints.gpt2_weights import gpt2_format, read_variant
from playground.checkpoints.json_files import read_json, read_json_bytes
from playground.checkpoints.schema import (
    CONFIG,
    INDEX,
    NAME_MAX,
    WEIGHTS,
    CheckpointEntry,
    RunConfig,
)
from playground.checkpoints.weights import weights_entry, weights_size
from playground.errors import BadCheckpoint
from playground.i18n.translate import Message, in_default_locale
from playground.lm.model import ModelConfig

ABOUT = Message.of("models.nanogpt")


def read_any_run(folder: Path, name: str) -> Run:
    """Everything of a folder in the native format or this one, but its weights.

    name: of a model in this format, which tells none. Raises BadCheckpoint.
    """
    content = read_json_bytes(folder, CONFIG)
    if is_nanogpt(content):
        return read_run(folder, name)
    if "format" not in config_values(content):
        raise BadCheckpoint("checkpoint.unknown_config", file=CONFIG)
    return read_native_run(folder)


def read_run(folder: Path, name: str) -> Run:
    """Everything of such a folder but its weights. Raises BadCheckpoint.

    An index of ours may list training steps; else there is one. Where the weights of the last
    step are there, they tell what config.json leaves open.
    """
    content = read_json_bytes(folder, CONFIG)
    file = vocabulary_file(path.name for path in folder.iterdir())
    if not (folder / file).exists():
        raise BadCheckpoint("checkpoint.no_vocabulary", file=file)
    tokens = parse_characters(read_json_bytes(folder, file), file)
    check_vocabulary_size(content, tokens, file)
    entries = read_index(folder) if lists_steps(folder) else (_only_step(folder, content),)
    config = model_config(content, tokens, read_variant(folder / entries[-1].path, tokens))
    fields = {slot: getattr(config, slot) for slot in ModelConfig.__slots__}
    about = RunConfig(
        format=1, name=name[:NAME_MAX], description=in_default_locale(ABOUT), model=fields
    )
    weights_format = gpt2_format(tokens)
    return Run(folder, about, config, tokens.vocabulary, entries, config.n_params, weights_format)


def lists_steps(folder: Path) -> bool:
    """Whether there is an index with anything in it: an empty one says no more than none.

    Raises BadCheckpoint where it is no JSON.
    """
    return (folder / INDEX).exists() and bool(read_json(folder, INDEX))


def _only_step(folder: Path, content: bytes) -> CheckpointEntry:
    weights_size(folder, WEIGHTS)
    step = trained_steps(content)
    return weights_entry(folder, WEIGHTS, step=step, tokens=0, train_loss=None, val_loss=None)
