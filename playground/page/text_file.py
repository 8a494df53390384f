"""Schema of the JSON file of a text, which Explore's Keep saves and opens.

The browser writes it (frontend/explore/keep/exports.js) and reads it (importText.js).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.generation import INTEGER_MAX, SESSION_ID_MAX
from playground.lm.sampling import SEED_MAX, TEMPERATURE_MAX, TOP_K_MAX
from playground.service.generation import TOKENS_MAX

TEXT_FORMAT: Literal["token-playground-text"] = "token-playground-text"
TEXT_VERSION: Literal[1] = 1
TEXT_FILE_BYTES_MAX = 2_000_000  # of a file that is opened
FIELD_MAX = SESSION_ID_MAX  # characters of a name or a token

_Name = Annotated[str, Field(max_length=FIELD_MAX)]
_Byte = Annotated[int, Field(ge=0, le=255)]
_Id = Annotated[int, Field(ge=-1, le=INTEGER_MAX, description="-1: in no vocabulary.")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class SamplingFields(_Part):
    """How tokens are picked: fields of a request to `POST /api/generate`."""

    temperature: float = Field(ge=0, le=TEMPERATURE_MAX, description="0: the top choice.")
    top_k: int = Field(default=0, ge=0, le=TOP_K_MAX)
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int | None = Field(default=None, ge=0, le=SEED_MAX)


class Writer(_Part):
    """A model at a training step, with how its tokens are picked."""

    session_id: _Name
    model: _Name = Field(description="owner/name on the Hub, or the session_id.")
    name: _Name
    revision: _Name | None = Field(description="Names these very weights, where they have one.")
    step: int | None = Field(ge=0, le=INTEGER_MAX)
    sampling: SamplingFields


class WrittenToken(_Part):
    """A token after the prompt."""

    position: int = Field(ge=0, description="Index of the token in the whole text.")
    id: _Id
    text: Annotated[str, Field(min_length=1, max_length=FIELD_MAX)]
    bytes: list[_Byte] | None = Field(
        default=None,
        max_length=FIELD_MAX,
        description="Of a token that holds a part of a character; absent for all others.",
    )
    prob: float | None = Field(ge=0, le=1, description="Its probability; null: not known.")
    writer: int = Field(ge=0, description="Index in `writers`.")
    picked: bool = Field(
        description="Whether the API gives this token when it is asked with the writer's fields, "
        "`position`, and what stands before it; else the text has it in place of that."
    )


class TextFile(_Part):
    """A prompt and what was written after it.

    To write it again, begin with the prompt, and for each run of tokens that are `picked` and have
    one writer, ask `POST /api/generate` with the writer's `session_id`, `step` and `sampling`, the
    text so far, the first token's `position`, and their number as `n`; the answer's tokens are
    those of the run. Tokens that are not `picked` are appended as they are.

    The text so far: in `context_ids` the `id`s of the last tokens, as far as this session wrote
    them, and in `context` the text before those. A text alone may fall into other tokens.
    """

    model_config = ConfigDict(
        json_schema_extra={"$schema": "https://json-schema.org/draft/2020-12/schema"}
    )

    schema_address: str = Field(default="", alias="$schema", description="Where this schema is.")
    format: Literal["token-playground-text"]
    version: Literal[1]
    prompt: str
    prompt_ids: list[_Id] = Field(description="Of the prompt's tokens, by the first writer's ids.")
    writers: list[Writer] = Field(
        min_length=1,
        max_length=TOKENS_MAX + 1,
        description="The first one is the model that was on screen, with its settings.",
    )
    tokens: list[WrittenToken] = Field(max_length=TOKENS_MAX)


def text_file_schema() -> dict[str, Any]:
    """The JSON Schema of a text file."""
    return TextFile.model_json_schema()
