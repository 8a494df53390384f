"""Weights in several files, shards, as `save_pretrained` of the transformers library writes them.

    model.safetensors.index.json        {"weight_map": {"<tensor>": "<shard>", ...}}
    model-00001-of-00003.safetensors    a shard

Their names and number are checked before any is fetched or read.
"""

from __future__ import annotations

import re
from pathlib import Path

from playground.checkpoints.json_files import parse_json, read_json_bytes
from playground.checkpoints.schema import SHARD, SHARD_INDEX, SHARDS_MAX, Shard, ShardedEntry
from playground.checkpoints.weights import check_weights_bytes, file_sha256, weights_size
from playground.errors import BadCheckpoint

ALL_SHARDS = "model-*.safetensors"
"""What messages call the shards of a model together."""


def parse_weight_map(content: bytes) -> dict[str, str]:
    """The shard of each tensor by the content of SHARD_INDEX: names of files, no paths.

    Raises BadCheckpoint, also for more shards than SHARDS_MAX.
    """
    values = parse_json(content, SHARD_INDEX)
    weight_map = values.get("weight_map") if isinstance(values, dict) else None
    if not (isinstance(weight_map, dict) and weight_map):
        raise BadCheckpoint("transformers.no_weight_map", file=SHARD_INDEX)
    for name in weight_map.values():
        if not (isinstance(name, str) and re.fullmatch(SHARD, name)):
            raise BadCheckpoint("transformers.shard_name", file=SHARD_INDEX, name=str(name)[:60])
    if (found := len(set(weight_map.values()))) > SHARDS_MAX:
        raise BadCheckpoint("transformers.too_many_shards", found=found, most=SHARDS_MAX)
    return dict(weight_map)


def read_sharded_entry(folder: Path, *, max_bytes: int) -> ShardedEntry:
    """The line for the index of the shards of a folder.

    max_bytes: of all of them. Raises BadCheckpoint, for a shard that is missing too.
    """
    names = sorted(set(parse_weight_map(read_json_bytes(folder, SHARD_INDEX)).values()))
    sizes = {name: weights_size(folder, name) for name in names}
    check_weights_bytes(ALL_SHARDS, sum(sizes.values()), max_bytes)
    return ShardedEntry(
        step=0,
        tokens=0,
        path=SHARD_INDEX,
        sha256=file_sha256(folder / SHARD_INDEX),
        bytes=(folder / SHARD_INDEX).stat().st_size,
        shards=tuple(
            Shard(path=name, sha256=file_sha256(folder / name), bytes=size)
            for name, size in sizes.items()
        ),
    )
