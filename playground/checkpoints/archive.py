"""A run in one file: a zip of the checkpoint layout, written, and read without trusting it."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from playground.checkpoints.folder import Run, load_model, write_run
from playground.checkpoints.ignored_files import is_ignored_file
from playground.checkpoints.model_card import model_card
from playground.checkpoints.nanogpt import read_any_run
from playground.checkpoints.schema import INDEX, TOKENIZER, WEIGHTS
from playground.checkpoints.weights import NATIVE_FORMAT, write_weights
from playground.errors import BadCheckpoint, TooLarge
from playground.i18n.translate import LocalizedNumber

FILES_MAX = 200
_ALLOWED_NAMES = re.compile(
    r"README\.md|config\.json|vocab\.json|tokenizer\.json|model\.safetensors"
    r"|checkpoints/index\.json"
    r"|checkpoints/step-[0-9]{6,9}/model\.safetensors",
    re.ASCII,
)
# What zipfile raises for a zip that is none, or is damaged.
_UNREADABLE = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error, LZMAError,
    UnicodeDecodeError,
)  # fmt: skip
_CHUNK_BYTES = 2**20
_ORIGIN = "Trained live in Token Playground."
_CONVERTED = "Converted from nanoGPT's format by Token Playground."
_NAMELESS = "nanoGPT"  # a zip that was not made of a folder tells no name
_NOTES = (
    "In nats per character; the training loss is the mean of the last updates, the validation loss "
    "that of the first characters of the part that was held out."
)


def pack(run: Run, target: Path) -> None:
    """Write a zip with everything of a run; the last weights are at the top, as in a Hub repo.

    Weights that are replaced meanwhile, as a training goes on, are left out.
    """
    with TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        entries = []
        for entry in run.checkpoints:
            last = entry is run.checkpoints[-1]
            placed = entry.model_copy(update={"path": WEIGHTS}) if last else entry
            if _link_or_copy(run.folder / entry.path, folder / placed.path):
                entries.append(placed)
        if not entries:
            raise BadCheckpoint("training.weights_replaced")
        card = model_card(run.config, run.model_config, entries, origin=_ORIGIN, notes=_NOTES)
        write_run(folder, run.config, run.vocabulary, entries, card)
        with zipfile.ZipFile(target, "w") as archive:  # weights can hardly be compressed
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))


def _link_or_copy(source: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        return False
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
    return True


def unpack(source: IO[bytes], folder: Path, *, max_bytes: int, max_gigaflops: float) -> Run:
    """Read an uploaded zip into an empty folder. Raises TooLarge, BadCheckpoint.

    Only the files of the layout are written, as plain files, and at most `max_bytes` in all,
    regardless of the sizes in the zip's headers; the weights of every step are checked. A model in
    nanoGPT's format is converted; whatever a training left beside it is not read.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            name = _extract(archive, folder, max_bytes)
    except _UNREADABLE as error:
        raise BadCheckpoint("training.zip_broken", reason=str(error)) from None
    run = read_any_run(folder, name or _NAMELESS)
    if (work := run.model_config.gigaflops) > max_gigaflops:
        raise BadCheckpoint(
            "training.too_much_work",
            work=LocalizedNumber(work, ".1f"),
            most=LocalizedNumber(max_gigaflops),
        )
    if run.weights_format is not NATIVE_FORMAT:
        run = _convert(run, max_bytes)
    for step in run.steps:
        load_model(run, step, max_bytes=max_bytes)
    return run


def _convert(run: Run, max_bytes: int) -> Run:
    """Write a model of another format in its folder anew, as a checkpoint folder of one step."""
    model, step = load_model(run, None, max_bytes=max_bytes), run.checkpoint(None).step
    entry = write_weights(
        run.folder, WEIGHTS, model, step=step, tokens=0, train_loss=None, val_loss=None
    )
    (run.folder / TOKENIZER).unlink(missing_ok=True)
    card = model_card(run.config, run.model_config, [entry], origin=_CONVERTED, notes="")
    return write_run(run.folder, run.config, run.vocabulary, [entry], card)


def _extract(archive: zipfile.ZipFile, folder: Path, max_bytes: int) -> str:
    """Write the files of the layout; returns the name of the folder that the zip was made of."""
    members = {_posix(m.filename): m for m in archive.infolist() if not m.is_dir()}
    members = {path: member for path, member in members.items() if not is_ignored_file(path)}
    if len(members) > FILES_MAX:
        raise TooLarge("training.zip_too_many_files", found=len(members), most=FILES_MAX)
    top = _common_prefix([*members])
    is_ours = top + INDEX in members  # then nobody but this playground has filled the folder
    left = max_bytes
    for path, member in members.items():
        name = path[len(top) :]
        if not _ALLOWED_NAMES.fullmatch(name):
            if is_ours or _leads_out(name):
                raise BadCheckpoint("training.zip_foreign_file", file=repr(name))
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as packed, target.open("wb") as file:
            while piece := packed.read(_CHUNK_BYTES):
                left -= len(piece)
                if left < 0:
                    raise TooLarge(
                        "training.zip_unpacks_too_large", most=LocalizedNumber(max_bytes / 2**20)
                    )
                file.write(piece)
    return top.rstrip("/").rpartition("/")[2]


def _posix(path: str) -> str:
    """A path as the format of zips has it: some programs of Windows write backslashes."""
    return path.replace("\\", "/").removeprefix("./")


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/")


def _common_prefix(paths: list[str]) -> str:
    """`name/` where everything lies in one folder, as a zip of a folder has it; else nothing."""
    top = ""
    while paths:
        first = paths[0][len(top) :].partition("/")[0] + "/"
        inside = first != "checkpoints/" and all(path.startswith(top + first) for path in paths)
        if not inside:
            break
        top += first
    return top
