"""Sessions of the bundled models: one for each folder of `models/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from playground.checkpoints.ignored_files import is_ignored_file
from playground.checkpoints.schema import RunConfig
from playground.checkpoints.transformers_folder import TransformersLimits, read_any_folder
from playground.errors import BadCheckpoint
from playground.i18n.translate import Message, has_message, in_default_locale
from playground.service.sessions import Session


def model_folders(models_dir: Path) -> Iterator[Path]:
    """The folders in a directory, sorted by name; none if it is missing.

    Hidden ones are excluded, and those that operating systems leave.
    """
    for folder in sorted(models_dir.iterdir()) if models_dir.is_dir() else []:
        hidden = folder.name.startswith(".") or is_ignored_file(folder.name)
        if folder.is_dir() and not hidden:
            yield folder


def bundled_session(folder: Path, limits: TransformersLimits) -> Session:
    """Read the session of a model folder; its id is the folder's name. Raises BadCheckpoint."""
    models_dir = folder.parent
    if not folder.resolve().is_relative_to(models_dir.resolve()):
        raise BadCheckpoint("checkpoint.folder_leads_out")
    run = read_any_folder(folder, folder.name, limits)
    fields = _localized_fields(folder.name, run.config)
    return Session(folder.name, "bundled", run, localized_fields=fields)


def _localized_fields(session_id: str, config: RunConfig) -> dict[str, Message]:
    """The config's texts that have a translation.

    A message counts only if it equals the config's text in the default locale: an operator may
    put another model into a folder of the same name.
    """
    fields = {}
    for name in ("description", "corpus"):
        key = f"models.{session_id}_{name}"
        if has_message(key) and in_default_locale(Message.of(key)) == getattr(config, name):
            fields[name] = Message.of(key)
    return fields
