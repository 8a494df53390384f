"""Publish a model folder on the Hub: python -m playground.publish models/shakespeare owner/name

The folder is read as strictly as one that comes from the Hub, every step of it, before anything is
sent; then its files go up in one commit, with a model card by which the playground finds them. The
token is that of `hf auth login`, or HF_TOKEN.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    ModelCard,
    ModelCardData,
    get_token,
)
from huggingface_hub.errors import HfHubHTTPError

from playground.checkpoints.folder import CONFIG, INDEX, VOCABULARY, Run, load_model, read_run
from playground.errors import CommandError, PlaygroundError
from playground.hub.address import parse_address
from playground.hub.errors import as_hub_errors
from playground.hub.listing import LIBRARY
from playground.settings import Settings

_TAGS = ("char-level", LIBRARY)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 when it is done, 2 and a sentence when it cannot be."""
    try:
        settings = Settings.from_env()
        options = _parser(settings).parse_args(arguments)
        run = checked(options.folder, max_bytes=settings.checkpoint_bytes)
        publish(
            run,
            options.repo_id,
            endpoint=options.endpoint,
            private=options.private,
            licence=options.license,
        )
    except (CommandError, PlaygroundError, ValueError) as error:
        print(f"Not published: {error}", file=sys.stderr)
        return 2
    print(f"Published: {options.endpoint.rstrip('/')}/{options.repo_id}")
    print(f"Open it:   {link(options.space, options.repo_id, options.endpoint)}")
    return 0


def checked(folder: Path, *, max_bytes: int) -> Run:
    """A folder that the playground would open, and every step of it. Raises BadCheckpoint.

    max_bytes: the largest weights file.
    """
    run = read_run(folder)
    for step in run.steps:
        load_model(run, step, max_bytes=max_bytes)
    return run


def publish(
    run: Run, repo_id: str, *, endpoint: str, private: bool = False, licence: str | None = None
) -> str:
    """Upload a run in one commit, and return the commit; the repo is created if need be.

    Steps of an earlier upload that this run lacks are deleted; what else the repo holds stays.
    Raises CommandError for what can be put right here, HubError for what the Hub says.
    """
    if str(parse_address(repo_id, None, endpoint)) != repo_id:
        raise CommandError(f"{repo_id} is not the name of a repo, which is owner/name")
    if not get_token():
        raise CommandError("there is no token; log in with `hf auth login`, or set HF_TOKEN")
    paths = [CONFIG, VOCABULARY, INDEX, *(entry.path for entry in run.checkpoints)]
    card = str(model_card(run, licence)).encode()
    api = HfApi(endpoint=endpoint, library_name=LIBRARY)
    with _explained(repo_id):
        api.create_repo(repo_id, private=private, exist_ok=True)
        there = api.list_repo_files(repo_id)
        stale = [path for path in there if path.startswith("checkpoints/") and path not in paths]
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
    """The folder's README.md with the front matter by which the playground finds a model.

    licence: instead of the one that the README names. Raises CommandError where there is none.
    """
    path = run.folder / "README.md"
    about = run.config.description
    text = path.read_text("utf-8") if path.is_file() else f"# {run.config.name}\n\n{about}\n"
    card = ModelCard(text if text.startswith("---") else f"---\n{{}}\n---\n{text}")
    data: ModelCardData = card.data
    data.license = licence or data.license
    if not data.license:
        raise CommandError("README.md names no licence; choose one, such as --license mit")
    data.library_name = LIBRARY
    data.pipeline_tag = "text-generation"
    data.tags = list(dict.fromkeys([*(data.tags or []), *_TAGS]))
    return card


def link(space: str, repo_id: str, endpoint: str) -> str:
    """The address that opens a model in a playground: a Space `owner/name`, or any."""
    page = space if "://" in space else f"{endpoint.rstrip('/')}/spaces/{space}"
    return f"{page.rstrip('/')}?{urlencode({'model': repo_id}, safe='/')}"


@contextmanager
def _explained(repo_id: str) -> Iterator[None]:
    with as_hub_errors(repo_id):
        try:
            yield
        except HfHubHTTPError as error:
            if error.response.status_code not in (401, 403):
                raise
            raise CommandError(f"your token may not write to {repo_id}") from error


def _parser(settings: Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m playground.publish", description=__doc__)
    parser.add_argument("folder", type=Path, help="a model folder, such as models/shakespeare")
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
