"""Damage to checkpoint folders, and the sentences with which they are refused."""

import hashlib
import json

import pytest
from safetensors.torch import load_file, save_file

from playground.checkpoints.folder import load_model, read_run
from playground.errors import BadCheckpoint

MEGABYTE = 2**20
WEIGHTS = "model.safetensors"
INDEX = "checkpoints/index.json"


def edit_json(folder, name, change):
    """Let `change` work on what a JSON file holds."""
    path = folder / name
    value = json.loads(path.read_text("utf-8"))
    change(value)
    path.write_text(json.dumps(value), "utf-8")


def tell_the_truth(folder):
    """Make the last line of the index fit the weights that lie there now."""
    data = (folder / WEIGHTS).read_bytes()
    truth = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    edit_json(folder, INDEX, lambda entries: entries[-1].update(truth))


def edit_weights(folder, change):
    """Change the tensors in place, and the index with them."""
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)
    tell_the_truth(folder)


def refusal(folder, max_bytes=MEGABYTE):
    """The sentence with which a folder is refused."""
    with pytest.raises(BadCheckpoint) as caught:
        load_model(read_run(folder), None, max_bytes=max_bytes)
    return str(caught.value)
