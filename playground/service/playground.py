"""The service that the page and the API share: sessions, generation, loads and live training."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from playground.checkpoints.errors import as_invalid_input
from playground.checkpoints.folder import Run, load_model
from playground.checkpoints.schema import CheckpointEntry
from playground.concurrency import ProgressCallback
from playground.errors import (
    BadCheckpoint,
    InvalidInput,
    ModelNotInitialized,
    PlaygroundError,
    SessionNotFound,
)
from playground.hub.address import parse_session_id
from playground.hub.datasets import TINY_SHAKESPEARE, download_dataset_file
from playground.hub.listing import PublishedModel
from playground.hub.repository import HubRepository
from playground.i18n.translate import Message, in_default_locale
from playground.inference.admission import Admission
from playground.inference.engine import Engine
from playground.inference.model_cache import ModelCache
from playground.lm.generation import Step, generate
from playground.lm.model import CharTransformer
from playground.lm.sampling import SamplingParams
from playground.lm.vocabulary import UnknownCharactersError
from playground.service.bundled import bundled_session, model_folders
from playground.service.loads import Load, LoadRegistry
from playground.service.sessions import Session, SessionRegistry, hub_session
from playground.settings import Settings
from playground.training.job import TrainingJob
from playground.training.scheduler import TrainingScheduler

log = logging.getLogger(__name__)

CONTEXT_MAX = 100_000  # characters
TOKENS_MAX = 500


@dataclass(frozen=True, slots=True)
class Generation:
    """A continuation in progress.

    step: training step of the model. context_used: the part of the context in the model's window.
    steps: one for each new character, computed as they are awaited.
    """

    session: Session
    step: int
    context_used: str
    steps: AsyncIterator[Step]


class Playground:
    """Sessions, text generation, Hub loads and live training. Stateless about visitors.

    Bound to one event loop. `loads`: background loads from the Hub. `trainings`: live training.
    `refused`: models that could not be opened, by folder name or address, with the reason.
    """

    def __init__(self, settings: Settings) -> None:
        """Reads the configs of the bundled models, no weights; makes no request."""
        self._settings = settings
        self._cache = ModelCache(settings.model_cache_bytes)
        self._engine = Engine(
            batch_rows=settings.batch_rows,
            threads=settings.forward_threads,
            answer_cache_bytes=settings.answer_cache_bytes,
        )
        self._admission = Admission(settings.generation_seconds)
        self._hub = HubRepository(settings)
        self._sessions = SessionRegistry(settings.hub_sessions, self._hub.last_used)
        self._featured_task: asyncio.Task[None] | None = None
        self.loads: LoadRegistry[Session] = LoadRegistry()
        self.refused: dict[str, Message] = {}
        self.trainings = TrainingScheduler(
            settings,
            self._register_live_session,
            self._unregister_live_session,
            fetch_corpus=partial(_fetch_shakespeare, settings),
        )
        self._register_bundled_sessions(settings.models_dir)

    # --- Sessions ------------------------------------------------------------------------------

    def register(self, session: Session) -> None:
        """Add a session; replaces one of the same id."""
        self._sessions.register(session)

    def unregister(self, session_id: str) -> None:
        """Remove a session. Raises SessionNotFound."""
        self._sessions.unregister(session_id)

    def sessions(self) -> list[Session]:
        """The listed sessions, smallest model first; those without a model last."""
        return self._sessions.listed()

    def session_ids(self) -> frozenset[str]:
        """The ids of all registered sessions, listed or not."""
        return self._sessions.ids()

    def registered_session(self, session_id: str) -> Session:
        """A session by its id. Raises SessionNotFound."""
        return self._sessions.get(session_id)

    def registered_run(self, session_id: str) -> Run:
        """The run of a registered session. Raises SessionNotFound, ModelNotInitialized."""
        run = self._sessions.get(session_id).run
        if run is None:
            raise ModelNotInitialized
        return run

    async def get_session(self, session_id: str) -> Session:
        """A registered session, or one of the Hub that is on disk, which is registered again.

        Protects a session of the Hub from eviction. Raises SessionNotFound.
        """
        if session_id in self._sessions:
            session = self._sessions.get(session_id)
        else:
            pinned = parse_session_id(session_id)
            snapshot = await self._hub.open_cached(pinned) if pinned else None
            if snapshot is None:
                raise SessionNotFound
            session = hub_session(snapshot)
            self._sessions.register_hub_session(session)
        if session.origin is not None and session.run is not None:
            self._hub.mark_used(session.run)
        return session

    def _register_bundled_sessions(self, models_dir: Path) -> None:
        """Register every folder of `models_dir`; an invalid one does not affect the others."""
        for folder in model_folders(models_dir):
            try:
                self.register(bundled_session(folder))
            except BadCheckpoint as error:
                self._record_refused(folder.name, error)

    def _record_refused(self, name: str, error: BadCheckpoint) -> None:
        log.warning("models/%s is refused: %s", name, in_default_locale(error))
        self.refused[name] = error.message

    def _register_live_session(self, training: TrainingJob) -> None:
        id, fields = training.session_id, training.localized_fields
        self.register(Session(id, "live", training.run, listed=False, localized_fields=fields))

    def _unregister_live_session(self, session_id: str) -> None:
        run = self.registered_session(session_id).run
        self.unregister(session_id)
        if run is not None:
            self._cache.drop(lambda key: isinstance(key, tuple) and key[0] == run.folder)

    # --- Generation ----------------------------------------------------------------------------

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

        position: absolute index of the first new character; default `len(context)`.
        step: training step of the model; default the last one.
        Raises SessionNotFound, StepNotFound, ModelNotInitialized, InvalidInput, BadCheckpoint,
        Overloaded, and HubError if the step's weights have to be downloaded: all of them here, none
        from `steps`.
        """
        self.trainings.touch(session_id)
        session = await self.get_session(session_id)
        if (run := session.run) is None:
            raise ModelNotInitialized
        if not 1 <= len(context) <= CONTEXT_MAX:
            raise InvalidInput("errors.context_length", most=CONTEXT_MAX).at("context")
        if not 1 <= n <= TOKENS_MAX:
            raise InvalidInput("errors.tokens_out_of_range", most=TOKENS_MAX).at("n")
        try:
            run.vocabulary.encode(context)
        except UnknownCharactersError as error:
            raise as_invalid_input(error).at("context") from None
        entry = run.checkpoint(step)
        model = await self._load_model(session, entry)
        self._admission.check(n)  # from here to the first step nothing else runs
        return Generation(
            session=session,
            step=entry.step,
            context_used=context[-run.model_config.block_size :],
            steps=self._admission.track(
                generate(
                    partial(self._engine.logits, _model_key(run, entry), model),
                    run.vocabulary,
                    run.model_config.block_size,
                    context,
                    params,
                    n=n,
                    position=position,
                ),
                n,
            ),
        )

    async def warm_up(self) -> None:
        """Load the last step of every bundled session into the model cache.

        A session with invalid weights is unregistered, with the reason in `refused`.
        """
        for session in self.sessions():
            if session.run is None or session.source != "bundled":
                continue
            try:
                await self._load_model(session, session.run.checkpoint(None))
            except BadCheckpoint as error:
                self._record_refused(session.session_id, error)
                self.unregister(session.session_id)

    async def _load_model(self, session: Session, entry: CheckpointEntry) -> CharTransformer:
        """The model of a step: from the cache, from disk, or downloaded."""
        run, origin = session.run, session.origin
        assert run is not None
        key = _model_key(run, entry)
        if origin is not None and key not in self._cache:
            await self._hub.fetch_weights(run, origin, entry.step)
        load = partial(load_model, run, entry.step, max_bytes=self._settings.checkpoint_bytes)
        try:
            return await self._cache.get(key, load)
        except BadCheckpoint:
            if origin is not None:
                self._hub.delete_weights(run, entry)
            raise

    # --- The Hub -------------------------------------------------------------------------------

    async def search_hub(self, query: str = "") -> list[PublishedModel]:
        """The published models whose repo id contains all words of the query. Raises HubError."""
        return await self._hub.search(query)

    async def load_from_hub(
        self, address: str, revision: str | None = None, progress: ProgressCallback | None = None
    ) -> Session:
        """Open a model repo as an unlisted session, pinned to a commit.

        address: `owner/name`, `owner/name@revision`, or the URL of the repo's page.
        Raises InvalidInput, HubError, BadCheckpoint, TooManyLoads.
        """
        parsed = self._hub.parse_address(address, revision)
        if parsed.commit and str(parsed) in self._sessions:
            return replace(await self.get_session(str(parsed)), cached=True)
        snapshot = await self._hub.open(parsed, progress)
        session = hub_session(snapshot)
        await self._load_model(session, snapshot.run.checkpoint(None))
        self._sessions.register_hub_session(session)
        return session

    def start_load(self, address: str, revision: str | None = None) -> Load[Session]:
        """Start `load_from_hub` in the background. Raises InvalidInput, TooManyLoads."""
        self._hub.parse_address(address, revision)
        return self.loads.start(partial(self.load_from_hub, address, revision))

    def open_featured(self) -> None:
        """Start opening the operator's featured repos in the background, one after another."""
        self._featured_task = asyncio.create_task(self._open_featured())

    async def _open_featured(self) -> None:
        for address in self._settings.featured_repos:
            try:
                self._sessions.register_featured(await self.load_from_hub(address))
            except PlaygroundError as error:
                log.warning("the featured %s is not opened: %s", address, in_default_locale(error))
                self.refused[address] = error.message

    async def close(self) -> None:
        """Cancel loads and trainings, await the running forward pass, end the engine's thread."""
        if self._featured_task is not None:
            self._featured_task.cancel()
            await asyncio.wait({self._featured_task})
        await self.trainings.close()
        await self.loads.close()
        await self._hub.close()
        await asyncio.to_thread(self._engine.close)


async def _fetch_shakespeare(settings: Settings) -> Path:
    """Download Tiny Shakespeare, or find it on disk. Raises HubError."""
    target = settings.hub_cache_dir.expanduser() / "corpora" / "tiny-shakespeare.txt"
    return await download_dataset_file(
        TINY_SHAKESPEARE, target, settings.hub_endpoint, settings.hub_seconds
    )


def _model_key(run: Run, entry: CheckpointEntry) -> Hashable:
    """Cache key of a model. Not the session id, which may be reused for another run."""
    return run.folder, entry.sha256
