"""What an operator may set; the environment is read once, in `Settings.from_env`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is set by the environment variable PLAYGROUND_<FIELD>, host and port by Gradio's.

    host, port: GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, as every Gradio app takes them.
    models_dir: the folder of bundled checkpoints.
    model_cache_bytes: bound of the loaded models, least recently used out.
    answer_cache_bytes: bound of the remembered logits; many visitors ask the same thing.
    checkpoint_bytes: the largest weights file that is read.
    batch_rows: windows in one forward at most.
    forward_threads: forwards at a time, each on a thread of its own.

    hub_endpoint: HF_ENDPOINT, where the Hub is.
    hub_seconds: within this a visitor is told of any failure of the Hub.
    hub_repo_bytes: the weights of a repo, all steps together, at most.
    hub_gigaflops: the work of one forward of a model from the Hub, at most.
    hub_cache_dir, hub_cache_bytes: the disk cache of commits, least recently used out.
    hub_sessions: sessions from the Hub on offer, least recently used out.
    featured_repos: repos (`owner/name`, comma-separated) that are opened at start.
    show_private: offer what only the operator's token may read, gated and private repos, to all.

    trainings_max: live trainings at a time; training_queue: how many may wait for one to end.
    trainings_kept: live sessions in all, those longest unseen out.
    training_idle_seconds: a training that nobody looks at is stopped after this.
    training_keep_seconds: a stopped one that nobody looks at is deleted after this.
    training_memory_bytes: of one training's process.
    training_teraflops: the work of one training, all of its steps together, at most.
    training_upload_bytes: of a model that a visitor uploads, packed and unpacked.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    models_dir: Path = ROOT / "models"
    model_cache_bytes: int = 512 * 2**20
    answer_cache_bytes: int = 64 * 2**20
    checkpoint_bytes: int = 64 * 2**20
    batch_rows: int = 16
    forward_threads: int = 2
    hub_endpoint: str = "https://huggingface.co"
    hub_seconds: float = 10.0
    hub_repo_bytes: int = 256 * 2**20
    hub_gigaflops: float = 8
    hub_cache_dir: Path = Path("~/.cache/token-playground")
    hub_cache_bytes: int = 2 * 2**30
    hub_sessions: int = 64
    featured_repos: tuple[str, ...] = ()
    show_private: bool = False
    trainings_max: int = 2
    training_queue: int = 30
    trainings_kept: int = 64
    training_idle_seconds: float = 120.0
    training_keep_seconds: float = 3600.0
    training_memory_bytes: int = 2 * 2**30
    training_teraflops: float = 20.0
    training_upload_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        if self.batch_rows < 1:
            raise ValueError("PLAYGROUND_BATCH_ROWS must be at least 1")
        if self.forward_threads < 1:
            raise ValueError("PLAYGROUND_FORWARD_THREADS must be at least 1")
        if not 0 < self.hub_seconds < 3600:
            raise ValueError("PLAYGROUND_HUB_SECONDS must be between 0 and 3600")
        if self.trainings_max < 1:
            raise ValueError("PLAYGROUND_TRAININGS_MAX must be at least 1")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Raises ValueError naming the variable that cannot be read."""
        on_a_space = "SPACE_ID" in environ
        values: dict[str, object] = {"host": "0.0.0.0"} if on_a_space else {}
        for field in fields(cls):
            name = _VARIABLES.get(field.name, f"PLAYGROUND_{field.name.upper()}")
            if name in environ:
                kind = type(getattr(_DEFAULTS, field.name))
                parse, description = _PARSERS[Path if issubclass(kind, Path) else kind]
                try:
                    values[field.name] = parse(environ[name])
                except ValueError:
                    raise ValueError(
                        f"{name} must be {description}, not {environ[name]!r}"
                    ) from None
        return cls(**values)  # type: ignore[arg-type]


def _parse_bool(text: str) -> bool:
    try:
        return {"1": True, "true": True, "0": False, "false": False}[text.strip().lower()]
    except KeyError:
        raise ValueError from None


def _parse_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_DEFAULTS = Settings()
_VARIABLES = {
    "host": "GRADIO_SERVER_NAME",
    "port": "GRADIO_SERVER_PORT",
    "hub_endpoint": "HF_ENDPOINT",
}
_PARSERS: dict[type, tuple[Callable[[str], object], str]] = {
    int: (int, "a whole number"),
    float: (float, "a number"),
    str: (str, "a text"),
    Path: (Path, "a path"),
    bool: (_parse_bool, "true or false"),
    tuple: (_parse_list, "a comma-separated list"),
}
