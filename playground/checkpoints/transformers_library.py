"""Adapter of the transformers library: its architectures, and loading weights into them.

Imported when the first such model is loaded, which takes seconds. A config is data: the classes are
the library's own, found by `model_type`, and no code of a repo is run.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from playground.checkpoints.architecture import inspect_architecture
from playground.checkpoints.schema import INDEX, CheckpointEntry, Shard, ShardedEntry
from playground.checkpoints.shards import ALL_SHARDS, parse_weight_map
from playground.checkpoints.transformers_folder import TransformersRun, count_parameters
from playground.checkpoints.weights import file_sha256, file_size, resolve_within
from playground.errors import BadCheckpoint
from playground.i18n.translate import LocalizedNumber

_BYTES_PER_PARAMETER = 8  # the widest in which weights are saved
_HEADER_BYTES = 2**20
_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
# What people call the head besides what an architecture does.
_HEAD = re.compile(r"(head|lm_head|embed_out|output|output_layer)\.(weight|bias)")
# What older versions saved beside the weights: causal masks, and what is computed from positions.
_BUFFERS = re.compile(
    r"(^|\.)((attn|attention)(\.attention)?\.(masked_)?bias"
    r"|inv_freq|(cos|sin)_cached|position_ids|embed_positions\.weights)$"
)
# Ways to make the library fetch or pick code, to allocate without being a parameter, or to answer
# in another form; and what matters in training alone, whose type may be wrong.
_IGNORED = {
    "attn_implementation", "auto_map", "custom_pipelines", "experts_implementation",
    "gradient_checkpointing", "id2label", "label2id", "num_labels", "quantization_config",
    "torch_dtype", "dtype", "torchscript", "transformers_version", "transformers_weights",
    "return_dict", "use_return_dict", "output_attentions", "output_hidden_states", "use_cache",
}  # fmt: skip
_OF_TRAINING = re.compile("drop|^initializer_")


def import_library() -> None:
    """Import what any model of the library needs; takes seconds the first time. Thread-safe."""
    import transformers.modeling_utils
    import transformers.models.auto.modeling_auto  # noqa: F401


def check_architecture(run: TransformersRun) -> None:
    """Check what a model will cost, by its config and the size of its weights; nothing is
    allocated, nor imported here. Raises BadCheckpoint.
    """
    n_params = inspect_architecture(run.values).n_params
    _check_parameters(run, n_params)
    most = n_params * _BYTES_PER_PARAMETER + _HEADER_BYTES
    for entry in run.checkpoints:
        if sum(file.bytes for file in entry.tensor_files) > most:
            raise BadCheckpoint(
                "transformers.more_weights", said=_millions(n_params), file=_name(entry)
            )


def load_pretrained(run: TransformersRun, entry: CheckpointEntry) -> Any:
    """The library's model of a step, in evaluation mode. Raises BadCheckpoint.

    Its files are checked first: size, checksum, and the number of parameters by their headers.
    """
    # Meanwhile: the check waits for another process, which may have to import the library, too.
    threading.Thread(target=import_library, daemon=True).start()
    check_architecture(run)
    for file in entry.files:
        _check_file(resolve_within(run.folder, file.path), file)
    _check_parameters(run, count_parameters(run.folder, entry))
    tensors = _read_tensors(run.folder, entry)
    _check_types(tensors, entry)
    model, info = _from_pretrained(run, entry, tensors)
    _check_loaded(model, info, entry)
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise BadCheckpoint("checkpoint.weights_not_finite", file=_name(entry), name=name)
    return model.eval()


def _from_pretrained(
    run: TransformersRun, entry: CheckpointEntry, tensors: dict[str, torch.Tensor]
) -> tuple[Any, dict[str, Any]]:
    """The library's model of a step, and what it says of the tensors."""
    config, model_class = library_classes(run.values)
    # Weights that are to be int8 are rounded from float32.
    dtype = torch.bfloat16 if run.limits.dtype == "bfloat16" else torch.float32
    try:
        with torch.device("meta"):
            described = model_class(config)
        named = _match_names(described, tensors)
        if run.values.get("tie_word_embeddings") is None and _lacks_head(described, named):
            config.tie_word_embeddings = True
        fitting = _fit_tables(described, config, named, run.model_config.vocab_size)
        model, info = model_class.from_pretrained(
            None,  # no folder, in which the library would look for more
            config=config,
            state_dict=fitting,
            dtype=dtype,
            attn_implementation="sdpa" if model_class._supports_sdpa else "eager",
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused here, by their names
        )
    except Exception as error:
        raise BadCheckpoint(
            "transformers.not_loaded", reason=error_line(error), file=_name(entry)
        ) from None
    return model, info


def _match_names(model: Any, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors by the names that a model has for them, as far as these are to be recognized.

    Without what the model was inside of when it was saved, which torch.compile and DataParallel
    put before names; and with the head's name, where it has another.
    """
    known = set(model.state_dict())
    inner = known | {name.removeprefix(f"{model.base_model_prefix}.") for name in known}
    parts = max(tensors, key=lambda name: name.count("."), default="").split(".")
    prefixes = ["".join(f"{part}." for part in parts[:n]) for n in range(len(parts))]

    def n_known(prefix: str) -> int:
        return sum(name.removeprefix(prefix) in inner for name in tensors)

    prefix = max(prefixes, key=n_known)
    named = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if not _lacks_head(model, named):
        return named
    heads = {
        name.rpartition(".")[2]: name
        for name in _parameter_names(model, model.get_output_embeddings())
    }
    return {
        heads.get(match[2], name) if (match := _HEAD.fullmatch(name)) else name: tensor
        for name, tensor in named.items()
    }


def _lacks_head(model: Any, tensors: dict[str, torch.Tensor]) -> bool:
    """Whether none of the tensors is the head of a model that has one of its own."""
    head = set(_parameter_names(model, model.get_output_embeddings()))
    is_tied = not head.isdisjoint(_parameter_names(model, model.get_input_embeddings()))
    return bool(head) and not is_tied and head.isdisjoint(tensors)


def _parameter_names(model: Any, part: Any) -> list[str]:
    """The names that a model has for the parameters of a part of it."""
    ids = {id(parameter) for parameter in part.parameters()} if part is not None else set()
    parameters = model.named_parameters(remove_duplicate=False)
    return [name for name, parameter in parameters if id(parameter) in ids]


def _fit_tables(
    model: Any, config: Any, tensors: dict[str, torch.Tensor], n_tokens: int
) -> dict[str, torch.Tensor]:
    """The tensors, with embedding and head of equally many rows, which the config then says, too.

    Such tables are rounded up for speed, or enlarged, and a config may not tell: rows that none of
    the n_tokens of the tokenizer has can be cut off.
    """
    ends = model.get_input_embeddings(), model.get_output_embeddings()
    names = {name for end in ends for name in _parameter_names(model, end)}
    names |= {name.removeprefix(f"{model.base_model_prefix}.") for name in names}
    tables = {name: tensors[name] for name in names & tensors.keys()}
    least = min((len(table) for table in tables.values() if table.ndim), default=0)
    if least < n_tokens:
        return tensors
    config.vocab_size = least
    return tensors | {name: table[:least] for name, table in tables.items()}


def _check_types(tensors: dict[str, torch.Tensor], entry: CheckpointEntry) -> None:
    """Refuse integers: the library would take them for weights, and not know their scale."""
    for name, tensor in tensors.items():
        if tensor.dtype not in _FLOATS and not _BUFFERS.search(name):
            found = str(tensor.dtype).removeprefix("torch.")
            raise BadCheckpoint(
                "checkpoint.tensor_type", file=_name(entry), name=name[:60], found=found
            )


def _check_loaded(model: Any, info: dict[str, Any], entry: CheckpointEntry) -> None:
    """Refuse weights that are not exactly those that the config describes, but for buffers."""
    missing = set(info["missing_keys"])
    if missing and missing <= set(_parameter_names(model, model.get_output_embeddings())):
        raise BadCheckpoint("transformers.no_head", file=_name(entry), name=min(missing))
    for name, found, expected in sorted(info["mismatched_keys"]):
        raise BadCheckpoint(
            "checkpoint.tensor_shape",
            file=_name(entry), name=name[:60], found=[*found], expected=[*expected],
        )  # fmt: skip
    extra = [name for name in info["unexpected_keys"] if not _BUFFERS.search(name)]
    for key, wrong in (
        ("checkpoint.tensors_lacking", missing),
        ("transformers.undescribed", extra),
    ):
        if wrong:
            some = ", ".join(name[:60] for name in sorted(wrong)[:5])
            raise BadCheckpoint(key, file=_name(entry), names=some)


def _read_tensors(folder: Path, entry: CheckpointEntry) -> dict[str, torch.Tensor]:
    """The tensors of a step by name; of shards those that their index names.

    Raises BadCheckpoint, for a tensor too that is not in the shard that the index says.
    """
    found = {}
    for file in entry.tensor_files:
        try:
            found[PurePosixPath(file.path).name] = load_file(folder / file.path)
        except (SafetensorError, OSError) as error:
            raise BadCheckpoint(
                "checkpoint.weights_broken", file=file.path, reason=error_line(error)
            ) from None
    if not isinstance(entry, ShardedEntry):
        return found.popitem()[1]
    weight_map = parse_weight_map((folder / entry.path).read_bytes())
    for name, shard in weight_map.items():
        if name not in found.get(shard, {}):
            raise BadCheckpoint("checkpoint.tensors_lacking", file=shard, names=name[:60])
    return {name: found[shard][name] for name, shard in weight_map.items()}


def _name(entry: CheckpointEntry) -> str:
    """What messages call the weights of a step."""
    return ALL_SHARDS if isinstance(entry, ShardedEntry) else entry.path


def library_classes(values: dict[str, Any]) -> tuple[Any, Any]:
    """A config, and the class of the causal language model of its architecture.

    Raises BadCheckpoint.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    told = {name: value for name, value in values.items() if not _is_ignored(name)}
    try:
        config_class = CONFIG_MAPPING[values["model_type"]]
        model_class = MODEL_FOR_CAUSAL_LM_MAPPING[config_class]
    except KeyError:
        name = values["model_type"][:60]
        raise BadCheckpoint("transformers.unknown_architecture", type=name) from None
    try:
        return config_class.from_dict(told), model_class
    except MemoryError:
        raise
    except Exception as error:
        raise BadCheckpoint("transformers.senseless_config", reason=error_line(error)) from None


def _is_ignored(name: str) -> bool:
    return name in _IGNORED or name.startswith("_") or _OF_TRAINING.search(name) is not None


def _check_parameters(run: TransformersRun, n_params: int) -> None:
    if n_params > run.limits.parameters:
        raise BadCheckpoint(
            "transformers.too_many_parameters",
            found=_millions(n_params),
            most=_millions(run.limits.parameters),
        )


def _check_file(path: Path, file: CheckpointEntry | Shard) -> None:
    if (size := file_size(path, file.path)) != file.bytes:
        raise BadCheckpoint(
            "checkpoint.weights_cut", file=file.path, found=size, index=INDEX, said=file.bytes
        )
    if file_sha256(path) != file.sha256:
        raise BadCheckpoint("checkpoint.weights_differ", file=file.path, index=INDEX)


def _millions(n: int) -> LocalizedNumber:
    return LocalizedNumber(n / 1e6, ".4g")


def error_line(error: Exception) -> str:
    """The first line of an error that a library raised, and the next where it only announces it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    n_lines = 2 if lines[0].endswith(":") else 1
    return " ".join(line.strip() for line in lines[:n_lines])[:200]
