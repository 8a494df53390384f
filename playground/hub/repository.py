"""Models from the Hub: found, pinned to a commit, checked, and kept on this disk.

A commit never changes, so what is here needs no request. A branch is asked for again after
_PIN_SECONDS, and where the Hub does not answer, its last known commit is opened instead. Sizes are
checked before a byte of weights is read; the weights of a step come when they are wanted. What is
in the files is for `checkpoint` to judge.

The Hub is asked anonymously: what visitors see is what anyone may see. Only where the operator says
so (`show_private`), the operator's token is tried for what is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cachetools import TTLCache
from huggingface_hub import ModelInfo

from playground.checkpoints.folder import (
    CONFIG,
    INDEX,
    JSON_BYTES,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    CheckpointEntry,
    Run,
    read_run,
)
from playground.checkpoints.nanogpt import is_nanogpt, model_config, trained_steps
from playground.checkpoints.nanogpt import read_run as read_nanogpt
from playground.concurrency import ProgressCallback, SingleFlight
from playground.errors import (
    BadCheckpoint,
    HubCommitMoved,
    HubError,
    HubForbidden,
    HubRepoNotFound,
    HubRevisionNotFound,
    NotAPlaygroundModel,
    TooManyLoads,
)
from playground.hub.address import Address, parse_address
from playground.hub.client import LIST_OF_MODELS, HubClient, deadline
from playground.hub.disk_cache import DiskCache, Origin, write
from playground.hub.layout import (
    Limits,
    check_layout,
    check_run,
    check_texts,
    check_weights,
    files_of,
    index_of_commits,
    step_branches,
)
from playground.i18n.translate import in_default_locale
from playground.settings import Settings

log = logging.getLogger(__name__)

LIBRARY = "token-playground"
_PIN_SECONDS = 10.0
_LIST_SECONDS = 300.0
_LIST_AGAIN_SECONDS = 30.0
_LIST_MAX = 1000
_OPENING_MAX = 32
_WEIGHTS_SECONDS = 600.0
_NO_ANSWER = (429, 502, 503, 504)  # statuses of what is no refusal of this very repo


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A playground model on the Hub, as its list tells. params: None where it does not."""

    repo_id: str
    likes: int
    downloads: int
    params: int | None
    last_modified: datetime | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A commit on this disk. cached: it was here, and the Hub was not asked, or did not answer."""

    run: Run
    origin: Origin
    cached: bool

    @property
    def has_weights(self) -> bool:
        """Whether those of the last step are here, too."""
        return (self.run.folder / self.run.checkpoint(None).path).is_file()


class Hub:
    """For one event loop. Raises HubError and BadCheckpoint, or one of their kinds."""

    def __init__(self, settings: Settings) -> None:
        """Makes no request and touches no disk."""
        self._endpoint = settings.hub_endpoint
        self._show_private = settings.show_private
        self._limits = Limits.of(settings)
        # A failure is told in time where it comes while a repo is looked at (0.6 of the time), and
        # where its first weights keep us waiting after that (0.6 + 0.3).
        self._look_seconds = 0.6 * settings.hub_seconds
        self._client = HubClient(settings.hub_endpoint, 0.3 * settings.hub_seconds)
        self._store = DiskCache(
            settings.hub_cache_dir, settings.hub_endpoint, settings.hub_cache_bytes
        )
        self._pins: TTLCache[Address, str] = TTLCache(1024, _PIN_SECONDS)
        self._listed: list[PublishedModel] | None = None
        self._list_due = 0.0
        self._listing: SingleFlight[list[PublishedModel]] = SingleFlight()
        self._opening: SingleFlight[Opened] = SingleFlight()
        self._looking: SingleFlight[Opened] = SingleFlight()
        self._fetching: SingleFlight[None] = SingleFlight()
        self._coming_bytes = 0

    def address(self, text: str, revision: str | None = None) -> Address:
        """What a visitor typed. Raises InvalidInput."""
        return parse_address(text, revision, self._endpoint)

    # --- The list ------------------------------------------------------------------------------

    async def find(self, query: str = "") -> list[PublishedModel]:
        """The published playground models whose name has all words of the query, most liked first.

        One list serves every query for _LIST_SECONDS, and longer where the Hub does not answer.
        """
        now = asyncio.get_running_loop().time()
        if self._listed is None or now >= self._list_due:
            try:
                self._listed = await self._listing.run("", lambda _: self._list())
                self._list_due = now + _LIST_SECONDS
            except HubError:
                if self._listed is None:
                    raise
                self._list_due = now + _LIST_AGAIN_SECONDS
        words = query.lower().split()
        return [m for m in self._listed if all(word in m.repo_id.lower() for word in words)]

    async def _list(self) -> list[PublishedModel]:
        with deadline(LIST_OF_MODELS, self._look_seconds):
            found = await self._client.models(LIBRARY, _LIST_MAX, use_token=self._show_private)
        return [_published(i) for i in found if self._show_private or not (i.private or i.gated)]

    # --- A repo --------------------------------------------------------------------------------

    async def open(self, asked: Address, progress: ProgressCallback | None = None) -> Opened:
        """A repo at a revision, with the weights of its last step on the disk.

        One fetch for all who wait for the same; a commit that is here costs no request.
        Raises TooManyLoads too.
        """
        if here := await self.reopen(asked):
            return here
        if len(self._opening) >= _OPENING_MAX:
            raise TooManyLoads
        return await self._opening.run(asked, lambda report: self._open(asked, report), progress)

    async def reopen(self, asked: Address) -> Opened | None:
        """A commit that is on this disk with its last weights, or None. Asks nobody."""
        here = await self._here(asked)
        return here if here and here.has_weights else None

    async def _here(self, asked: Address) -> Opened | None:
        """A commit that is on this disk, with any weights or none."""
        origin = self._store.origin(asked) if asked.commit else None
        if origin is None or not (origin.public or self._show_private):
            return None
        folder = self._store.folder(asked)
        self._store.use(folder)
        try:
            return Opened(await asyncio.to_thread(_read, folder, origin), origin, cached=True)
        except BadCheckpoint:  # it was whole once: somebody has been at the disk
            self._store.delete(folder)
            return None

    async def _open(self, asked: Address, report: ProgressCallback) -> Opened:
        try:
            with deadline(str(asked), self._look_seconds):
                opened = await self._look(asked)
                opened = replace(opened, cached=opened.cached and opened.has_weights)
        except HubError as error:
            if error.status not in _NO_ANSWER:
                raise
            log.warning("%s: %s (%r)", asked, in_default_locale(error), error.__cause__)
            if (known := await self._last_known(asked)) is None:
                raise
            return known
        await self.fetch_weights(opened.run, opened.origin, None, report)
        if not asked.commit:
            self._store.note(asked, opened.origin.commit)
        return opened

    async def _last_known(self, asked: Address) -> Opened | None:
        """Where a branch stood when it was opened for the last time."""
        commit = self._store.last_commit(asked)
        return await self.reopen(Address(asked.repo_id, commit)) if commit else None

    async def _look(self, asked: Address) -> Opened:
        """All of a repo but its weights."""
        commit = self._pins.get(asked)
        if commit and (here := await self._here(Address(asked.repo_id, commit))):
            return here
        info, public = await self._info(asked)
        pinned = Address(asked.repo_id, info.sha)
        if pinned.commit is None or asked.commit not in (None, info.sha):
            raise HubError("hub_errors.no_commit", about=asked)
        self._pins[asked] = pinned.commit
        if here := await self._here(pinned):
            return replace(here, cached=False)
        return await self._looking.run(pinned, lambda _: self._fetch_run(pinned, info, public))

    async def _info(self, asked: Address) -> tuple[ModelInfo, bool]:
        """What a repo is, and whether anyone may know."""
        try:
            info = await self._client.info(asked, use_token=False)
            if not (info.gated or info.private):
                return info, True
            if info.gated:
                raise HubForbidden("hub_errors.gated", about=asked)
            raise HubForbidden("hub_errors.private", about=asked)
        except (HubRepoNotFound, HubForbidden):
            if not self._show_private:
                raise
        return await self._client.info(asked, use_token=True), False

    async def _fetch_run(self, pinned: Address, info: ModelInfo, public: bool) -> Opened:
        """Fetch and check all files but the weights; of what is refused nothing stays here."""
        folder, files = self._store.folder(pinned), files_of(info)
        self._store.use(folder)
        fetch = self._fetch_indexed if INDEX in files else self._fetch_without_index
        with self._removed_if_refused(folder), _moved(pinned):
            origin = await fetch(pinned, info, public)
            run = await asyncio.to_thread(_read, folder, origin)
            check_run(pinned.repo_id, run, files, self._limits)
            self._store.finish(folder, origin)
        return Opened(run, origin, cached=False)

    async def _fetch_indexed(self, pinned: Address, info: ModelInfo, public: bool) -> Origin:
        """The files of a repo in the layout of a checkpoint folder."""
        files, texts = files_of(info), [CONFIG, VOCABULARY, INDEX]
        check_layout(pinned.repo_id, files, texts)
        check_texts(pinned.repo_id, files, texts)
        check_weights(pinned.repo_id, files, self._limits)
        for name in texts:
            await self._fetch_text(pinned, name, self._store.folder(pinned), public)
        return Origin(repo_id=pinned.repo_id, commit=info.sha, public=public)

    async def _fetch_without_index(self, pinned: Address, info: ModelInfo, public: bool) -> Origin:
        """The files of a repo that keeps its steps in branches, or of nanoGPT's kind, or both.

        What is not in the repo's main branch is taken from that of the last step.
        Raises NotAPlaygroundModel where it is neither.
        """
        repo_id, folder = pinned.repo_id, self._store.folder(pinned)
        steps = await self._step_branches(repo_id, public)
        if CONFIG not in files_of(info) and steps:
            info = steps[max(steps)]
        source, files = Address(repo_id, info.sha), files_of(info)
        vocabulary = VOCABULARY if VOCABULARY in files or TOKENIZER not in files else TOKENIZER
        check_layout(repo_id, files, (CONFIG, vocabulary))
        check_texts(repo_id, files, [CONFIG])
        config = await self._fetch_text(source, CONFIG, folder, public)
        nanogpt = _is_nanogpt(repo_id, config)
        if not nanogpt:
            check_layout(repo_id, files, [VOCABULARY] if steps else [VOCABULARY, INDEX])
        elif not steps:
            check_layout(repo_id, files, [WEIGHTS])
            steps = {trained_steps(config): info}
        check_texts(repo_id, files, [vocabulary])
        await self._fetch_text(source, vocabulary, folder, public)
        index, paths = index_of_commits(repo_id, steps)
        write(folder / INDEX, index)
        return Origin(
            repo_id=repo_id,
            commit=str(pinned.revision),
            public=public,
            branch_commits=dict(zip(paths, (step.sha for step in steps.values()), strict=True)),
            nanogpt=nanogpt,
        )

    async def _step_branches(self, repo_id: str, public: bool) -> dict[int, ModelInfo]:
        """The repo's branches that are steps, ascending."""
        commits = step_branches(await self._client.branches(repo_id, use_token=not public))
        infos = await asyncio.gather(
            *(
                self._client.info(Address(repo_id, commit), use_token=not public)
                for commit in commits.values()
            )
        )
        if [info.sha for info in infos] != [*commits.values()]:
            raise HubError("hub_errors.senseless_branch", repo=repo_id)
        return dict(zip(commits, infos, strict=True))

    async def _fetch_text(self, source: Address, name: str, folder: Path, public: bool) -> bytes:
        """A small file of a commit, which is then in the folder."""
        content = await self._client.read(source, name, JSON_BYTES, use_token=not public)
        write(folder / name, content)
        return content

    # --- The weights of a step -----------------------------------------------------------------

    async def fetch_weights(
        self, run: Run, origin: Origin, step: int | None, progress: ProgressCallback | None = None
    ) -> None:
        """Have the weights of a step (the last for None) on the disk; one fetch for all who wait.

        Raises StepNotFound too.
        """
        entry = run.checkpoint(step)
        target = run.folder / entry.path
        self._store.use(run.folder)
        if not target.is_file():
            await self._fetching.run(
                target, lambda report: self._fetch(origin, entry, target, report), progress
            )

    async def _fetch(
        self, origin: Origin, entry: CheckpointEntry, target: Path, report: ProgressCallback
    ) -> None:
        commit = origin.branch_commits.get(entry.path)
        pinned = Address(origin.repo_id, commit or origin.commit)
        path = WEIGHTS if commit else entry.path
        with self._coming(entry.bytes), _moved(pinned), deadline(str(pinned), _WEIGHTS_SECONDS):
            await asyncio.to_thread(self._store.make_room, self._coming_bytes)
            await self._client.download(
                pinned,
                path,
                target,
                entry.bytes,
                lambda done_bytes: report(done_bytes, entry.bytes),
                use_token=not origin.public,
            )

    def use(self, run: Run) -> None:
        """Somebody works with a commit: it is not deleted for a while."""
        self._store.use(run.folder)

    def last_use(self, run: Run) -> float:
        """When somebody worked with a commit: seconds of the monotonic clock."""
        return self._store.last_use(run.folder)

    def discard(self, run: Run, entry: CheckpointEntry) -> None:
        """Delete weights that turned out to be wrong, so that they can be fetched again.

        Where it is those of the last step, the commit goes with them.
        """
        if entry == run.checkpoint(None):
            self._store.delete(run.folder)
        else:
            (run.folder / entry.path).unlink(missing_ok=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @contextmanager
    def _coming(self, n_bytes: int) -> Iterator[None]:
        """Count bytes that will be on the disk soon."""
        self._coming_bytes += n_bytes
        try:
            yield
        finally:
            self._coming_bytes -= n_bytes

    @contextmanager
    def _removed_if_refused(self, folder: Path) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._store.delete(folder)
            raise


def _is_nanogpt(repo_id: str, config: bytes) -> bool:
    """Whether a config.json is nanoGPT's; most others of GPT-2's kind are refused here."""
    try:
        if found := is_nanogpt(config):
            model_config(config)
        return found
    except BadCheckpoint as error:
        raise NotAPlaygroundModel(
            "hub_errors.no_playground_model", repo=repo_id, reason=error.message
        ) from None


def _read(folder: Path, origin: Origin) -> Run:
    """What was fetched of a commit. Raises BadCheckpoint."""
    if origin.nanogpt:
        return read_nanogpt(folder, origin.repo_id.rpartition("/")[2])
    return read_run(folder)


@contextmanager
def _moved(pinned: Address) -> Iterator[None]:
    """A commit that was there a moment ago, and is not any more."""
    try:
        yield
    except HubRevisionNotFound as error:
        raise HubCommitMoved("hub_errors.repo_changed", repo=pinned.repo_id) from error


def _published(info: ModelInfo) -> PublishedModel:
    return PublishedModel(
        repo_id=info.id,
        likes=info.likes or 0,
        downloads=info.downloads or 0,
        params=info.safetensors.total if info.safetensors else None,
        last_modified=info.last_modified,
    )
