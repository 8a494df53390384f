"""Settings of the server, from environment variables."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent


def bundled_models_dir() -> Path:
    """models/ inside an installed package, where the wheel puts it, or of the checkout."""
    installed = PACKAGE / "models"
    return installed if installed.is_dir() else ROOT / "models"


TokenDtype = Literal["float32", "bfloat16", "int8"]

_PREFIX = "PLAYGROUND_"
_ALIASES = {  # the names that Gradio and huggingface_hub read too
    "host": "GRADIO_SERVER_NAME",
    "port": "GRADIO_SERVER_PORT",
    "hub_endpoint": "HF_ENDPOINT",
}


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _check_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise PydanticCustomError(
                "network", "'{network}' is no IP address or network", {"network": network}
            ) from None
    return networks


def _check_url(url: str) -> str:
    try:
        urlsplit(url)
    except ValueError:
        raise PydanticCustomError("url", "'{url}' is no address of a site", {"url": url}) from None
    return url


_Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
_Networks = Annotated[_Names, AfterValidator(_check_networks)]

# A Space answers its platform's proxy alone, which asks from such an address.
_SPACE = {"host": "0.0.0.0", "trusted_proxies": "10.0.0.0/8"}


class SettingsError(ValueError):
    """An environment variable is invalid; the text names it."""


class Settings(BaseSettings):
    """Limits, folders and addresses of one server; immutable.

    `Settings(port=8000)` ignores the environment, `Settings.from_env()` reads it. The variable of a
    field is that of `environment_variable`.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, extra="forbid", protected_namespaces=()
    )

    host: str = Field("127.0.0.1", description="Interface to listen on; 0.0.0.0 on a Space.")
    port: int = Field(7860, ge=0, le=65535, description="Port to listen on; 0 is a free one.")
    trusted_proxies: _Networks = Field(
        (), description="Peers whose X-Forwarded-For is believed: IP addresses and networks."
    )
    replica: str = Field(
        "",
        pattern=r"^[a-z0-9]{0,32}$",
        description="Name of this server among several that share an address.",
    )
    models_dir: Path = Field(
        default_factory=bundled_models_dir, description="Folder of the bundled checkpoints."
    )
    model_cache_bytes: int = Field(2**30, description="Size of the LRU cache of models.")
    answer_cache_bytes: int = Field(64 * 2**20, description="Size of the LRU cache of answers.")
    prefix_cache_bytes: int = Field(
        128 * 2**20, description="Size of the LRU cache of the states of texts."
    )
    checkpoint_bytes: int = Field(64 * 2**20, description="Largest weights file that is read.")
    token_parameters: int = Field(
        200_000_000, description="Most parameters of a model that transformers runs."
    )
    token_weights_bytes: int = Field(
        820 * 2**20, description="Largest weights file of a model that transformers runs."
    )
    token_vocabulary: int = Field(
        160_000, description="Most tokens of a model that transformers runs."
    )
    token_window: int = Field(
        1024, ge=2, description="Longest window of a model that transformers runs, in tokens."
    )
    token_dtype: TokenDtype = Field(
        "float32", description="Of the weights of a model that transformers runs, in memory."
    )
    tokenizer_bytes: int = Field(16 * 2**20, description="Largest tokenizer.json that is read.")
    batch_rows: int = Field(256, ge=1, description="Texts that a model continues together.")
    forward_threads: int = Field(2, ge=1, description="Models that compute at the same time.")
    engine_process: bool = Field(
        True, description="Whether crowds are generated for in a process of its own."
    )
    ray_serve_url: str = Field(
        "", description="URL of an engine on Ray Serve; without one this server generates."
    )
    generation_seconds: float = Field(
        3.0, gt=0, description="Longest wait for a generation; more are refused with 503."
    )
    score_gigaflops: float = Field(
        300.0, gt=0, description="Work of scoring, beam search and comparisons, all together."
    )
    corpus_index_bytes: int = Field(
        64 * 2**20, description="Size of the LRU cache of indexed training texts."
    )
    hub_endpoint: Annotated[str, AfterValidator(_check_url)] = Field(
        "https://huggingface.co", description="URL of the Hub."
    )
    hub_seconds: float = Field(
        10.0, gt=0, lt=3600, description="Timeout of each operation on the Hub."
    )
    hub_repo_bytes: int = Field(
        256 * 2**20, description="Largest repo, the weights of all its steps together."
    )
    hub_gigaflops: float = Field(
        8, description="Largest forward pass of a model from the Hub, for one window."
    )
    hub_cache_dir: Path = Field(
        Path("~/.cache/token-playground"), description="Folder of the disk cache of commits."
    )
    hub_cache_bytes: int = Field(2 * 2**30, description="Size of the LRU disk cache.")
    hub_sessions: int = Field(64, ge=1, description="Open sessions from the Hub; LRU.")
    hub_loads_per_hour: int = Field(
        60, ge=0, description="Models that a client address may load from the Hub; 0: no limit."
    )
    featured_repos: _Names = Field(
        (), description="Repos, `owner/name` separated by commas, that are opened at startup."
    )
    show_private: bool = Field(
        False, description="Open private and gated repos, with the operator's token, to everybody."
    )
    trainings_max: int = Field(2, ge=1, description="Concurrent live trainings.")
    training_queue: int = Field(30, ge=0, description="Longest queue of live trainings.")
    trainings_per_hour: int = Field(
        60, ge=0, description="Trainings that a client address may start; 0: no limit."
    )
    trainings_kept: int = Field(
        64, ge=1, description="Live sessions; those polled least recently go."
    )
    training_idle_seconds: float = Field(
        120.0, description="A training that is not polled is stopped after this."
    )
    training_keep_seconds: float = Field(
        3600.0, description="A stopped training that is not polled is deleted after this."
    )
    training_memory_bytes: int = Field(2 * 2**30, description="Memory of a worker process.")
    training_teraflops: float = Field(20.0, description="Work of a training, all its steps.")
    training_upload_bytes: int = Field(
        64 * 2**20, description="Largest uploaded model, packed and unpacked."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The constructor's arguments are the only source; `from_env` passes the environment."""
        return (init_settings,)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment. Raises SettingsError with the name of an invalid variable."""
        source = EnvSettingsSource(cls)
        source.env_vars = {
            f"{_PREFIX}{name}".lower(): environ[variable]
            for name in cls.model_fields
            if (variable := environment_variable(name)) in environ
        }
        values: dict[str, Any] = (_SPACE if "SPACE_ID" in environ else {}) | source()
        try:
            return cls(**values)
        except ValidationError as error:
            raise SettingsError(_sentence(error.errors()[0])) from None


def environment_variable(field: str) -> str:
    """The name of the variable that sets a field."""
    return _ALIASES.get(field, f"{_PREFIX}{field.upper()}")


# By the type of pydantic's error.
_EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
}


def _sentence(error: ErrorDetails) -> str:
    field = str(error["loc"][0])
    variable = environment_variable(field)
    if expected := _EXPECTED.get(error["type"]):
        return f"{variable} must be {expected}, not {error['input']!r}"
    if error["type"] == "literal_error":
        return f"{variable} must be {error['ctx']['expected']}, not {error['input']!r}"
    bounds = {
        name: value
        for item in Settings.model_fields[field].metadata
        for name in ("ge", "gt", "le", "lt")
        if (value := getattr(item, name, None)) is not None
    }
    if "ge" in bounds and "le" in bounds:
        return f"{variable} must be between {bounds['ge']} and {bounds['le']}"
    if "ge" in bounds:
        return f"{variable} must be at least {bounds['ge']}"
    if "gt" in bounds and "lt" in bounds:
        return f"{variable} must be between {bounds['gt']} and {bounds['lt']}"
    if "gt" in bounds:
        return f"{variable} must be more than {bounds['gt']}"
    return f"{variable}: {error['msg']}"
