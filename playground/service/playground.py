"""The use cases that the page and the API share."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from playground.checkpoints.folder import CheckpointEntry, Run, RunConfig, load_model, read_run
from playground.checkpoints.nanogpt import ABOUT
from playground.concurrency import ProgressCallback
from playground.errors import (
    BadCheckpoint,
    InvalidInput,
    ModelNotInitialized,
    PlaygroundError,
    SessionNotFound,
)
from playground.hub.address import parse_session_id
from playground.hub.disk_cache import Origin
from playground.hub.repository import Hub, Opened, PublishedModel
from playground.i18n.translate import Message, has_message, in_default_locale
from playground.inference.engine import Engine
from playground.inference.model_cache import ModelCache
from playground.lm.generation import Step, generate
from playground.lm.model import CharTransformer
from playground.lm.sampling import SamplingParams
from playground.service.loads import Load, Loads
from playground.settings import Settings
from playground.training.job import Training
from playground.training.scheduler import TrainingScheduler

log = logging.getLogger(__name__)

Source = Literal["bundled", "hub", "live"]
CONTEXT_MAX = 100_000
TOKENS_MAX = 500


@dataclass(frozen=True, slots=True)
class Session:
    """One training run that visitors can play with; `run` is None until it has a model.

    origin: the commit that a session from the Hub is. cached: it was opened from the disk here, and
    the Hub was not asked, or did not answer.
    listed: offered to everybody; one that is not is found by those who know its id.
    words: fields of the run's config that the playground wrote itself, for the visitor's language.
    """

    session_id: str
    source: Source
    run: Run | None
    origin: Origin | None = None
    cached: bool = False
    listed: bool = True
    words: Mapping[str, Message | str] = field(default_factory=dict)

    @property
    def revision(self) -> str | None:
        """What names these very weights: the commit, or a digest; None while they change."""
        if self.origin is not None:
            return self.origin.commit
        if self.run is None or self.source == "live":
            return None
        weights = "".join(entry.sha256 for entry in self.run.checkpoints)
        return hashlib.sha256(weights.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Generation:
    """A continuation under way: what it starts from, and its steps as they come."""

    session: Session
    step: int
    context_used: str
    steps: AsyncIterator[Step]


class Playground:
    """Sessions, and the text that their models write. One for all visitors; knows none of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sessions: dict[str, Session] = {}
        self._cache = ModelCache(settings.model_cache_bytes)
        self._engine = Engine(
            batch_rows=settings.batch_rows,
            threads=settings.forward_threads,
            answer_cache_bytes=settings.answer_cache_bytes,
        )
        self._hub = Hub(settings)
        self._featured: set[str] = set()
        self._featuring: asyncio.Task[None] | None = None
        self.loads: Loads[Session] = Loads()
        self.refused: dict[str, Message] = {}
        self.trainings = TrainingScheduler(settings, self._offer_live, self._withdraw_live)
        self._find_bundled(settings.models_dir)

    def _find_bundled(self, models_dir: Path) -> None:
        """Open every folder of `models_dir`; one that is refused leaves the others usable."""
        folders = sorted(models_dir.iterdir()) if models_dir.is_dir() else []
        for folder in folders:
            if not folder.is_dir() or folder.name.startswith("."):
                continue
            try:
                if not folder.resolve().is_relative_to(models_dir.resolve()):
                    raise BadCheckpoint("checkpoint.folder_leads_out")
                run = read_run(folder)
                words = _bundled_words(folder.name, run.config)
                self.add(Session(folder.name, "bundled", run, words=words))
            except BadCheckpoint as error:
                self._refuse(folder.name, error)

    def add(self, session: Session) -> None:
        """Offer a session; one of the same id is replaced."""
        self._sessions[session.session_id] = session

    def remove(self, session_id: str) -> None:
        """Offer a session no longer. Raises SessionNotFound."""
        self.session(session_id)
        del self._sessions[session_id]

    def sessions(self) -> list[Session]:
        """What everybody is offered, smallest model first; those without a model come last."""
        size = {id: s.run.n_params if s.run else 2**63 for id, s in self._sessions.items()}
        listed = (session for session in self._sessions.values() if session.listed)
        return sorted(listed, key=lambda s: (size[s.session_id], s.session_id))

    def session_ids(self) -> frozenset[str]:
        """Every session that is open, listed or not."""
        return frozenset(self._sessions)

    def session(self, session_id: str) -> Session:
        """Raises SessionNotFound."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise SessionNotFound from None

    def run(self, session_id: str) -> Run:
        """The run of a session. Raises SessionNotFound, ModelNotInitialized."""
        run = self.session(session_id).run
        if run is None:
            raise ModelNotInitialized
        return run

    async def generate(
        self,
        session_id: str,
        context: str,
        params: SamplingParams,
        *,
        n: int,
        position: int | None = None,
        step: int | None = None,
    ) -> Generation:
        """Continue `context` by n characters, 1 to TOKENS_MAX, with the model of a session.

        position: absolute index of the first new character, `len(context)` unless told.
        step: the training step of the model, the last one unless told.
        Raises SessionNotFound, StepNotFound, ModelNotInitialized, InvalidInput, BadCheckpoint, and
        HubError where the step's weights are still on the Hub: all here, before the first step.
        """
        self.trainings.touch(session_id)
        session = await self.find(session_id)
        if (run := session.run) is None:
            raise ModelNotInitialized
        if not 1 <= len(context) <= CONTEXT_MAX:
            raise InvalidInput("errors.context_length", most=CONTEXT_MAX)
        if not 1 <= n <= TOKENS_MAX:
            raise InvalidInput("errors.tokens_out_of_range", most=TOKENS_MAX)
        run.vocabulary.encode(context)
        entry = run.checkpoint(step)
        model = await self._model(session, entry)
        return Generation(
            session=session,
            step=entry.step,
            context_used=context[-run.model_config.block_size :],
            steps=generate(
                partial(self._engine.logits, _key(run, entry), model),
                run.vocabulary,
                run.model_config.block_size,
                context,
                params,
                n=n,
                position=position,
            ),
        )

    async def warm_up(self) -> None:
        """Load the final weights of every bundled session, so that the first visitor need not wait.

        A session whose weights are refused is taken off the list, with the reason in `refused`.
        """
        for session in self.sessions():
            if session.run is None or session.source != "bundled":
                continue
            try:
                await self._model(session, session.run.checkpoint(None))
            except BadCheckpoint as error:
                self._refuse(session.session_id, error)
                self.remove(session.session_id)

    async def load_from_hub(
        self, address: str, revision: str | None = None, progress: ProgressCallback | None = None
    ) -> Session:
        """Open a model repo, pinned to a commit: the session is then there for who knows its id.

        address: `owner/name`, `owner/name@revision`, or the address of its page.
        Raises InvalidInput, HubError, BadCheckpoint, TooManyLoads.
        """
        asked = self._hub.address(address, revision)
        if asked.commit and str(asked) in self._sessions:
            return replace(await self.find(str(asked)), cached=True)
        opened = await self._hub.open(asked, progress)
        session = _hub_session(opened)
        await self._model(session, opened.run.checkpoint(None))
        self._offer(session)
        return session

    def start_load(self, address: str, revision: str | None = None) -> Load[Session]:
        """Begin `load_from_hub` in the background. Raises InvalidInput, TooManyLoads."""
        self._hub.address(address, revision)
        return self.loads.start(partial(self.load_from_hub, address, revision))

    async def find_on_hub(self, query: str = "") -> list[PublishedModel]:
        """The published models whose name has all words of the query. Raises HubError."""
        return await self._hub.find(query)

    async def find(self, session_id: str) -> Session:
        """A session on offer, or one from the Hub that is still on this disk.

        Raises SessionNotFound.
        """
        if (session := self._sessions.get(session_id)) is None:
            asked = parse_session_id(session_id)
            opened = await self._hub.reopen(asked) if asked else None
            if opened is None:
                raise SessionNotFound
            session = _hub_session(opened)
            self._offer(session)
        if session.origin is not None and session.run is not None:
            self._hub.use(session.run)
        return session

    def _offer(self, session: Session) -> None:
        """Have a session from the Hub at hand; too many of them, and the least recently used go.

        Their visitors notice nothing: `find` opens them again. The featured ones stay. What one
        visitor opens changes nothing for another, who may have it open or see it listed.
        """
        known = self._sessions.get(session.session_id, session)
        self.add(replace(session, cached=known.cached, listed=known.listed))
        used = {
            s.session_id: self._hub.last_use(s.run)
            for s in self._sessions.values()
            if s.origin and s.run and s.session_id not in self._featured
        }
        for session_id in sorted(used, key=used.__getitem__)[: -self._settings.hub_sessions]:
            self.remove(session_id)

    def _offer_live(self, training: Training) -> None:
        id, words = training.session_id, training.words
        self.add(Session(id, "live", training.run, listed=False, words=words))

    def _withdraw_live(self, session_id: str) -> None:
        run = self.session(session_id).run
        self.remove(session_id)
        if run is not None:
            self._cache.drop(lambda key: isinstance(key, tuple) and key[0] == run.folder)

    def open_featured(self) -> None:
        """Begin to open the operator's featured repos in the background, one after another."""
        self._featuring = asyncio.create_task(self._open_featured())

    async def _open_featured(self) -> None:
        for address in self._settings.featured_repos:
            try:
                session = await self.load_from_hub(address)
                self._featured.add(session.session_id)
                self.add(replace(session, listed=True))
            except PlaygroundError as error:
                log.warning("the featured %s is not opened: %s", address, in_default_locale(error))
                self.refused[address] = error.message

    async def _model(self, session: Session, entry: CheckpointEntry) -> CharTransformer:
        run, origin = session.run, session.origin
        assert run is not None
        key = _key(run, entry)
        if origin is not None and key not in self._cache:
            await self._hub.fetch_weights(run, origin, entry.step)
        load = partial(load_model, run, entry.step, max_bytes=self._settings.checkpoint_bytes)
        try:
            return await self._cache.get(key, load)
        except BadCheckpoint:
            if origin is not None:
                self._hub.discard(run, entry)
            raise

    def _refuse(self, name: str, error: BadCheckpoint) -> None:
        log.warning("models/%s is refused: %s", name, in_default_locale(error))
        self.refused[name] = error.message

    async def close(self) -> None:
        """Give up what loads, let the forward that runs finish, then end the worker."""
        if self._featuring is not None:
            self._featuring.cancel()
            await asyncio.wait({self._featuring})
        await self.trainings.close()
        await self.loads.close()
        await self._hub.close()
        await asyncio.to_thread(self._engine.close)


def _hub_session(opened: Opened) -> Session:
    id = str(opened.origin.pinned)
    words = {"description": ABOUT} if opened.origin.nanogpt else {}
    return Session(id, "hub", opened.run, opened.origin, opened.cached, listed=False, words=words)


def _bundled_words(session_id: str, config: RunConfig) -> dict[str, Message]:
    """Those texts of a bundled model that there are messages of; a model of one's own has its own,
    under whatever name it lies."""
    found = {}
    for name in ("description", "corpus"):
        key = f"models.{session_id}_{name}"
        if has_message(key) and in_default_locale(Message.of(key)) == getattr(config, name):
            found[name] = Message.of(key)
    return found


def _key(run: Run, entry: CheckpointEntry) -> Hashable:
    """What names a model's weights: not the session, whose id may be given to another run later."""
    return run.folder, entry.sha256
