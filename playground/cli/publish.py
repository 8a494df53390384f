"""Publish a model folder on the Hub: python -m playground.publish models/shakespeare owner/name

Every step of the folder is validated as if it came from the Hub; then its files are uploaded in one
commit, with a model card that lists them in the playground's search. The token is that of
`hf auth login`, or HF_TOKEN.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import yaml
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    ModelCard,
    ModelCardData,
    get_token,
)
from huggingface_hub.errors import HfHubHTTPError

from playground.checkpoints.folder import Run, load_model
from playground.checkpoints.model_card import kind_tag
from playground.checkpoints.nanogpt import read_any_run
from playground.checkpoints.schema import CONFIG, INDEX
from playground.checkpoints.weights import NATIVE_FORMAT
from playground.cli.command import CommandParser, check_folder, file_path, run_command
from playground.cli.corpus import read_text
from playground.errors import CommandError, HubError
from playground.hub.address import parse_address
from playground.hub.errors import as_hub_errors
from playground.hub.listing import LIBRARY
from playground.settings import Settings

_FRONT_START = re.compile(r"---[ \t]*(?:\n|\Z)")
_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_UNCLOSED = "a quotation mark that is opened here is never closed"
# What the parser says, and what helps.
_YAML_HINTS = {
    "mapping values are not allowed here": "a value with a colon in it must be in quotation marks",
    "found character '\\t'": "take spaces instead of the tab",
    "found unexpected end of stream": _UNCLOSED,
}
_MODEL_INDEX = "its model-index is not as the Hub describes one; mend it, or leave it out"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, or 2 with a message on stderr."""
    return run_command(lambda: _publish(arguments), failed="Not published")


def _publish(arguments: Sequence[str] | None) -> None:
    settings = Settings.from_env()
    options = _parser(settings).parse_args(arguments)
    run = validate_folder(options.folder, max_bytes=settings.checkpoint_bytes)
    publish(
        run,
        options.repo_id,
        endpoint=options.endpoint,
        private=options.private,
        licence=options.license,
    )
    print(f"Published: {options.endpoint.rstrip('/')}/{options.repo_id}")
    print(f"Open it:   {model_url(options.space, options.repo_id, options.endpoint)}")


def validate_folder(folder: Path, *, max_bytes: int) -> Run:
    """Read a model folder and load every step of it. Raises BadCheckpoint, CommandError.

    max_bytes: limit for a weights file.
    """
    check_folder(folder)
    run = read_any_run(folder, folder.resolve().name)
    if run.weights_format is not NATIVE_FORMAT:
        raise CommandError(
            f"{folder} is in nanoGPT's format, which the playground opens on the Hub as it is: "
            f"upload it with `hf upload owner/name {folder}`"
        )
    for step in run.steps:
        load_model(run, step, max_bytes=max_bytes)
    return run


def publish(
    run: Run, repo_id: str, *, endpoint: str, private: bool = False, licence: str | None = None
) -> str:
    """Upload a run in one commit; returns the commit. The repo is created if it does not exist.

    Steps of an earlier upload that this run lacks are deleted; other files are kept.
    Raises CommandError for errors of the caller, HubError for those of the Hub.
    """
    if not re.match(r"https?://[^/]", endpoint):
        raise CommandError(
            f"--endpoint {endpoint} is not the address of a Hub, such as https://huggingface.co"
        )
    if str(parse_address(repo_id, None, endpoint)) != repo_id:
        raise CommandError(f"{repo_id} is not the name of a repo, which is owner/name")
    if not (token := get_token()):
        raise CommandError("there is no token; log in with `hf auth login`, or set HF_TOKEN")
    if not token.isascii():
        raise CommandError("the token has characters that no token has; see HF_TOKEN")
    paths = [CONFIG, run.vocabulary_file, INDEX, *(entry.path for entry in run.checkpoints)]
    card = str(model_card(run, licence)).encode()
    api = HfApi(endpoint=endpoint, library_name=LIBRARY)
    with _upload_errors(repo_id):
        api.create_repo(repo_id, private=private, exist_ok=True)
        existing = api.list_repo_files(repo_id)
        stale = [path for path in existing if path.startswith("checkpoints/") and path not in paths]
        commit = api.create_commit(
            repo_id,
            [
                CommitOperationAdd("README.md", card),
                *(CommitOperationAdd(path, run.folder / path) for path in dict.fromkeys(paths)),
                *(CommitOperationDelete(path) for path in stale),
            ],
            commit_message=f"Publish {run.config.name}",
        )
    return str(commit.oid)


def model_card(run: Run, licence: str | None = None) -> ModelCard:
    """The folder's README.md as a model card, with the tags by which the search filters.

    licence: overrides the README's. Raises CommandError if there is none.
    """
    path = run.folder / "README.md"
    default = f"# {run.config.name}\n\n{run.config.description}\n"
    card = _parse_card(read_text(path) if path.exists() else default)
    data = card.data
    assert isinstance(data, ModelCardData)
    if licence is not None and not licence.strip():
        raise CommandError("--license is empty; name a licence, such as --license mit")
    data.license = licence or data.license
    if not data.license:
        raise CommandError("README.md names no licence; choose one, such as --license mit")
    data.library_name = LIBRARY
    data.pipeline_tag = "text-generation"
    data.tags = list(dict.fromkeys([*(data.tags or []), kind_tag(run.config), LIBRARY]))
    return card


def _parse_card(text: str) -> ModelCard:
    """A README with or without front matter. Raises CommandError for what is none."""
    if not _FRONT_START.match(text):
        return ModelCard(f"---\n{{}}\n---\n{text}")
    if (front := _FRONT.match(text)) is None:
        raise CommandError("README.md: its front matter has no end; close it with a line ---")
    fields = _parse_front(front[1])
    try:
        return ModelCard(
            f"---\n{yaml.safe_dump(fields, sort_keys=False)}---\n{text[front.end() :]}"
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _no_card(_MODEL_INDEX if "model_index" in str(error) else str(error)) from None


def _parse_front(text: str) -> dict[str, object]:
    """The fields of a front matter. Raises CommandError."""
    try:
        fields = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise CommandError(
            f"README.md: its front matter is not valid YAML{_where(error)}"
        ) from None
    except RecursionError:
        raise _no_card("its lists lie too deep inside each other") from None
    except ValueError as error:  # of a date
        raise _no_card(f"a value in it cannot be: {error}") from None
    except (AttributeError, KeyError, TypeError):
        raise _no_card("a value in it is not what its !!tag says") from None
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise _no_card("it must be lines such as license: mit, each with the name of a field")
    licences = fields.get("license") or []
    licences = licences if isinstance(licences, list) else [licences]
    if not all(isinstance(licence, str) for licence in licences):
        raise _no_card("license must be a word, such as mit")
    tags = fields.get("tags") or []
    fields["tags"] = [tags] if isinstance(tags, str) else tags
    if not isinstance(tags, str | list) or any(isinstance(tag, dict | list) for tag in tags):
        raise _no_card("tags must be a list of words, such as [poems, english]")
    return fields


def _where(error: yaml.YAMLError) -> str:
    """The line of an error of the parser, and what helps, where its words are known."""
    problem = str(getattr(error, "problem", None))
    hint = next((hint for words, hint in _YAML_HINTS.items() if problem.startswith(words)), "")
    # A quotation mark that is never closed is told of at the end: it is the context of that.
    mark = getattr(error, "context_mark" if hint == _UNCLOSED else "problem_mark", None)
    line = f" (line {mark.line + 2})" if mark else ""  # the mark counts from 0, after the ---
    return f"{line}; {hint}" if hint else line


def _no_card(reason: str) -> CommandError:
    return CommandError(f"README.md: its front matter is no model card's: {reason}")


def model_url(space: str, repo_id: str, endpoint: str) -> str:
    """URL that opens a model in a playground. space: `owner/name` of a Space, or any URL."""
    page = space if "://" in space else f"{endpoint.rstrip('/')}/spaces/{space}"
    return f"{page.rstrip('/')}?{urlencode({'model': repo_id}, safe='/')}"


@contextmanager
def _upload_errors(repo_id: str) -> Iterator[None]:
    """Translate errors of the client library into CommandError or HubError."""
    with as_hub_errors(repo_id):
        try:
            yield
        except HfHubHTTPError as error:
            if error.response.status_code not in (401, 403):
                raise
            raise CommandError(f"your token may not write to {repo_id}") from error
        except (json.JSONDecodeError, KeyError) as error:  # of an answer that is not the Hub's
            raise HubError("hub_errors.senseless", about=repo_id) from error
        except ValueError as error:  # the name of a repo, or the card, that the Hub does not take
            raise CommandError(str(error)) from error


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m playground.publish", description=__doc__)
    parser.add_argument("folder", type=file_path, help="a model folder, such as models/shakespeare")
    parser.add_argument("repo_id", help="owner/name on the Hub; created if it is not there")
    parser.add_argument("--private", action="store_true", help="create the repo as a private one")
    parser.add_argument("--license", help="instead of the licence that the folder's README names")
    parser.add_argument("--endpoint", default=settings.hub_endpoint, help="another Hub")
    parser.add_argument(
        "--space",
        default=os.environ.get("SPACE_ID", f"http://{settings.host}:{settings.port}"),
        help="the playground of the printed link: a Space owner/name, or an address; "
        "without it the one on this machine",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
