"""A folder as `save_pretrained` of the transformers library writes it: a causal language model.

    config.json              the architecture, and its sizes
    tokenizer.json           of the tokenizers library
    model.safetensors        the weights; or in several files, see shards.py
    tokenizer_config.json    read as data, where it is there
    generation_config.json   read as data, where it is there
    special_tokens_map.json  the same

Nothing is imported or executed to read it. What such a model may cost is checked before its
weights are fetched or read: see transformers_library.py.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import Field
from safetensors import SafetensorError, safe_open

from playground.checkpoints.architecture import inspect_architecture
from playground.checkpoints.characters import parse_characters
from playground.checkpoints.folder import BaseRun, read_index
from playground.checkpoints.gpt2_config import is_nanogpt, is_native
from playground.checkpoints.json_files import parse_json, read_json_bytes
from playground.checkpoints.nanogpt import read_any_run
from playground.checkpoints.schema import (
    CONFIG,
    INDEX,
    NAME_MAX,
    SHARD_INDEX,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    CheckpointEntry,
    RunConfig,
    SamplingDefaults,
    ShardedEntry,
)
from playground.checkpoints.shards import read_sharded_entry
from playground.checkpoints.weights import (
    check_header_bytes,
    check_weights_bytes,
    resolve_within,
    tensor_shapes,
    weights_entry,
    weights_size,
)
from playground.errors import BadCheckpoint
from playground.i18n.translate import LocalizedNumber, Message, in_default_locale
from playground.settings import Settings, TokenDtype
from playground.tokenization.library_tokenizer import LibraryTokenizer

ABOUT = Message.of("models.transformers")
TOKENIZER_CONFIG, GENERATION_CONFIG = "tokenizer_config.json", "generation_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
OPTIONAL_FILES = (TOKENIZER_CONFIG, GENERATION_CONFIG, SPECIAL_TOKENS)
WINDOW_NAMES = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "seq_length",
    "max_sequence_length",
)
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_OTHER_WEIGHTS = (".onnx", ".h5", ".msgpack", ".tflite")
_HEADS = ("ForCausalLM", "LMHeadModel")
_ENDS_MAX = 16  # each is looked for in what is written
# Past their original window, the positions of all rows of a batch depend on the longest.
_STRETCHED = ("longrope", "su")


@dataclass(frozen=True, slots=True)
class TransformersLimits:
    """Limits of a model that the transformers library runs.

    parameters: their number. file_bytes: of the weights. vocabulary: number of tokens.
    tokenizer_bytes: of tokenizer.json. window: longest one, in tokens; a model that could read more
    is shown as many. dtype: of the weights in memory.
    """

    parameters: int
    file_bytes: int
    vocabulary: int
    tokenizer_bytes: int
    window: int
    dtype: TokenDtype

    @classmethod
    def from_settings(cls, settings: Settings) -> TransformersLimits:
        """The limits that the operator has set."""
        return cls(
            settings.token_parameters,
            settings.token_weights_bytes,
            settings.token_vocabulary,
            settings.tokenizer_bytes,
            settings.token_window,
            settings.token_dtype,
        )


@dataclass(frozen=True, slots=True)
class TransformersShape:
    """Sizes of such a model; see lm.language_model.ModelShape.

    vocab_size: of the tokenizer; a model may have more logits, which cannot be predicted. n_params:
    0 where its weights are not there yet.
    """

    vocab_size: int
    block_size: int
    n_params: int

    is_sliding = False

    @property
    def gigaflops(self) -> float:
        """Of a forward pass over a full window, in 10^9: 2 a weight and position."""
        return 2e-9 * self.n_params * self.block_size


_SpecialToken = Annotated[str, Field(min_length=1)]


class TransformersConfig(RunConfig):
    """Like a config of ours, with tokens of several characters.

    end_tokens: each of them ends a text; end_token is the first. start_token begins one.
    """

    end_token: _SpecialToken | None = None
    end_tokens: tuple[_SpecialToken, ...] = ()
    start_token: _SpecialToken | None = None


@dataclass(frozen=True, slots=True)
class TransformersRun(BaseRun):
    """A model that transformers runs. values: of its config.json."""

    config: TransformersConfig
    model_config: TransformersShape
    vocabulary: LibraryTokenizer
    limits: TransformersLimits
    values: dict[str, Any] = field(repr=False)

    @property
    def start_token(self) -> str | None:
        return self.config.start_token

    @property
    def end_tokens(self) -> tuple[str, ...]:
        return self.config.end_tokens

    @property
    def dtype(self) -> TokenDtype:
        return self.limits.dtype


def is_transformers(values: Any) -> bool:
    """Whether the value of a config.json is that of a model of the transformers library."""
    return (
        isinstance(values, dict)
        and not is_native(values)
        and isinstance(values.get("model_type"), str)
    )


def read_any_folder(folder: Path, name: str, limits: TransformersLimits) -> BaseRun:
    """Everything of a folder in any format, but its weights. Raises BadCheckpoint.

    A model whose tokens are characters is one of ours, whoever has trained it.
    """
    content = read_json_bytes(folder, CONFIG)
    if is_transformers(parse_json(content, CONFIG)) and not (
        is_nanogpt(content) and has_characters(folder)
    ):
        return read_transformers_run(folder, name, limits)
    return read_any_run(folder, name)


def has_characters(folder: Path) -> bool:
    """Whether the tokens of a folder's vocabulary are characters."""
    file = VOCABULARY if (folder / VOCABULARY).exists() else TOKENIZER
    try:
        parse_characters(read_json_bytes(folder, file), file)
    except BadCheckpoint:
        return False
    return True


def check_files(names: Collection[str]) -> None:
    """Refuse what cannot be opened by the names of a repo's or folder's files, and say why."""
    has_weights = WEIGHTS in names or SHARD_INDEX in names
    if "adapter_config.json" in names and not (has_weights and CONFIG in names):
        raise BadCheckpoint("transformers.adapter")
    if has_weights:
        if TOKENIZER not in names:
            raise BadCheckpoint("transformers.no_tokenizer")
        return
    if any(name.endswith(".gguf") for name in names):
        raise BadCheckpoint("transformers.gguf")
    if any(name.endswith(_PICKLED) for name in names):
        raise BadCheckpoint("transformers.pickled")
    if other := next((name for name in sorted(names) if name.endswith(_OTHER_WEIGHTS)), None):
        raise BadCheckpoint("transformers.no_safetensors", file=other[:80])


def check_config(values: dict[str, Any], limits: TransformersLimits) -> None:
    """Check what a config.json says of a model. Raises BadCheckpoint for what is not opened."""
    if values.get("auto_map"):
        raise BadCheckpoint("transformers.own_code")
    if values.get("quantization_config"):
        raise BadCheckpoint("transformers.quantized")
    names = values.get("architectures")
    writes = not isinstance(names, list) or any(str(name).endswith(_HEADS) for name in names)
    if values.get("is_encoder_decoder") or not writes:
        raise BadCheckpoint("transformers.no_causal_model", type=str(values["model_type"])[:60])
    vocab_size = values.get("vocab_size")
    if type(vocab_size) is not int or vocab_size < 1:
        raise BadCheckpoint("transformers.no_size", name="vocab_size")
    if vocab_size > limits.vocabulary:
        raise BadCheckpoint(
            "transformers.vocabulary",
            found=LocalizedNumber(vocab_size, "d"),
            most=LocalizedNumber(limits.vocabulary, "d"),
        )


def read_transformers_run(folder: Path, name: str, limits: TransformersLimits) -> TransformersRun:
    """Everything of such a folder but its weights. Raises BadCheckpoint.

    An index of ours may list training steps; else there is one.
    """
    check_files([path.name for path in folder.iterdir()])
    values = _config(folder)
    check_config(values, limits)
    size = values["vocab_size"]
    tokenizer = LibraryTokenizer(
        resolve_within(folder, TOKENIZER), max_bytes=limits.tokenizer_bytes, n_ids=size
    )
    n_tokens = len(tokenizer)
    if n_tokens > size:
        raise BadCheckpoint("transformers.tokens_differ", tokens=n_tokens, size=size)
    window = _window(values, limits)
    if (folder / INDEX).exists():
        entries = read_index(folder, list[CheckpointEntry | ShardedEntry])
    else:
        entries = (_only_step(folder, limits),)
    starts = _special_tokens(folder, values, tokenizer, "bos_token")
    ends = _special_tokens(folder, values, tokenizer, "eos_token")
    about = TransformersConfig(
        format=1,
        name=name[:NAME_MAX],
        description=in_default_locale(ABOUT),
        sampling=_sampling(folder),
        end_token=next(iter(ends), None),
        end_tokens=tuple(ends),
        start_token=next(iter(starts), None),
        model={},
    )
    n_params = count_parameters(folder, entries[-1])
    shape = TransformersShape(n_tokens, window, n_params)
    return TransformersRun(folder, about, shape, tokenizer, entries, n_params, limits, values)


def _window(values: dict[str, Any], limits: TransformersLimits) -> int:
    """Number of tokens that a model reads at once: what its config says, or its architecture."""
    told = [values[name] for name in WINDOW_NAMES if type(values.get(name)) is int]
    is_told = told and not _is_stretched(values)
    window = told[0] if is_told else inspect_architecture(values).window
    if window is not None and window < 2:
        raise BadCheckpoint("transformers.no_window", window=window)
    return limits.window if window is None else min(window, limits.window)


def _is_stretched(values: dict[str, Any]) -> bool:
    """Whether positions have been stretched so that the architecture knows its original window."""
    ropes = [values.get("rope_parameters"), values.get("rope_scaling")]
    ropes += [rope for layers in ropes if isinstance(layers, dict) for rope in layers.values()]
    types = [(rope.get("rope_type"), rope.get("type")) for rope in ropes if isinstance(rope, dict)]
    return any(kind in _STRETCHED for pair in types for kind in pair)


def count_parameters(folder: Path, entry: CheckpointEntry) -> int:
    """Number of values in a step's weights by their headers; 0 where a file is missing."""
    paths = [folder / file.path for file in entry.tensor_files]
    return sum(map(_count_values, paths)) if all(path.is_file() for path in paths) else 0


def _count_values(path: Path) -> int:
    check_header_bytes(path, path.name)
    try:
        with safe_open(path, framework="pt") as weights:
            shapes = tensor_shapes(weights)
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(
            "checkpoint.weights_broken", file=path.name, reason=str(error)
        ) from None
    return sum(math.prod(shape) for shape in shapes.values())


def _only_step(folder: Path, limits: TransformersLimits) -> CheckpointEntry:
    if not (folder / WEIGHTS).exists() and (folder / SHARD_INDEX).exists():
        return read_sharded_entry(folder, max_bytes=limits.file_bytes)
    check_weights_bytes(WEIGHTS, weights_size(folder, WEIGHTS), limits.file_bytes)
    return weights_entry(folder, WEIGHTS, step=0, tokens=0, train_loss=None, val_loss=None)


def _sampling(folder: Path) -> SamplingDefaults | None:
    """Sampling defaults of the model's author, where given and possible here."""
    values = _optional(folder, GENERATION_CONFIG)
    if not values.get("do_sample"):
        return None
    told = {n: values[n] for n in ("temperature", "top_k", "top_p") if values.get(n) is not None}
    try:
        return SamplingDefaults.model_validate({"temperature": 1.0} | told)
    except pydantic.ValidationError:
        return None


def _special_tokens(
    folder: Path, values: dict[str, Any], tokenizer: LibraryTokenizer, name: str
) -> list[str]:
    """The texts of the tokens that end or begin a text: one by its name, and some by their ids.

    An id alone must be that of an added token: the library's configs name one, 2 for instance, also
    where a tokenizer has a letter there.
    """
    by_name = _optional(folder, TOKENIZER_CONFIG), _optional(folder, SPECIAL_TOKENS)
    found = _token_content(by_name[0].get(name))
    for source in (_optional(folder, GENERATION_CONFIG), values):
        told = source.get(f"{name}_id")
        ids = [id for id in (told if isinstance(told, list) else [told]) if type(id) is int]
        if by_id := [tokenizer.token_text(id) for id in ids if id in tokenizer.added]:
            return [*dict.fromkeys([*found, *by_id])][:_ENDS_MAX]
    return found or _token_content(by_name[1].get(name))


def _token_content(token: Any) -> list[str]:
    if isinstance(token, dict):
        token = token.get("content")
    return [token] if isinstance(token, str) and token else []


def _config(folder: Path) -> dict[str, Any]:
    value = parse_json(read_json_bytes(folder, CONFIG), CONFIG)
    if not isinstance(value, dict):
        raise BadCheckpoint("checkpoint.no_object", file=CONFIG)
    return value


def _optional(folder: Path, name: str) -> dict[str, Any]:
    """The value of a JSON file that holds an object; empty where there is none that can be read."""
    try:
        value = parse_json(read_json_bytes(folder, name), name)
    except BadCheckpoint:
        return {}
    return value if isinstance(value, dict) else {}
