"""The service that the page and the API share: sessions, generation, loads and live training."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from playground.checkpoints.folder import BaseRun
from playground.checkpoints.transformers_folder import TransformersLimits, TransformersRun
from playground.checkpoints.transformers_library import check_architecture, import_library
from playground.concurrency import ProgressCallback
from playground.errors import BadCheckpoint, PlaygroundError
from playground.hub.address import parse_session_id
from playground.hub.listing import PublishedModel
from playground.hub.repository import HubRepository
from playground.i18n.translate import Message, in_default_locale
from playground.inference.backend import Backend
from playground.inference.engine import EngineConfig
from playground.inference.engine_process import OffloadingEngine
from playground.inference.ray_engine import RayServeEngine
from playground.lm.sampling import SamplingParams
from playground.replica import Replica
from playground.service.beams import BeamSearch, BeamTree
from playground.service.bundled import bundled_session, model_folders
from playground.service.comparison import Comparer, Comparison, Lane
from playground.service.context_comparison import ContextComparer, ContextComparison
from playground.service.corpus_lookup import CorpusLookup, Lookup
from playground.service.draws import DrawRepeater, RepeatedDraw
from playground.service.generation import STREAM_TOKENS, Generation, Generator, Prompt
from playground.service.loads import Load, LoadRegistry
from playground.service.model_loader import ModelLoader
from playground.service.rounds import ROUND_LENGTH, Round, Rounds
from playground.service.scoring import Scorer, TextScore
from playground.service.serial_executor import SerialExecutor
from playground.service.sessions import Session, SessionRegistry, hub_session
from playground.settings import Settings
from playground.tokenization.references import REFERENCES, reference_tokenizer
from playground.training.job import TrainingJob
from playground.training.scheduler import TrainingScheduler

log = logging.getLogger(__name__)


class Playground:
    """Sessions, text generation, Hub loads and live training. Stateless about visitors.

    Bound to one event loop. `loads`: background loads from the Hub. `trainings`: live training.
    `refused`: models that could not be opened, by folder name or address, with the reason.
    `reference_tokenizers`: of well-known models, without the models.
    """

    def __init__(self, settings: Settings) -> None:
        """Reads the configs of the bundled models, no weights; makes no request."""
        self.settings = settings
        replica = Replica(settings.replica)
        self._engine = _backend(settings)
        self._hub = HubRepository(settings)
        self._models = ModelLoader(settings, self._hub)
        self._generator = Generator(
            self._models.get, self._engine, seconds_max=settings.generation_seconds
        )
        executor = SerialExecutor(settings.score_gigaflops)
        self._scorer = Scorer(self._models.get, executor)
        self._comparer = Comparer(self._models.get, executor)
        self._context_comparer = ContextComparer(self._models.get, executor)
        self._beam_search = BeamSearch(self._models.get, executor)
        self._draw_repeater = DrawRepeater(self._models.get, executor)
        self._sessions = SessionRegistry(settings.hub_sessions, self._hub.last_used, replica)
        self._background: list[asyncio.Task[None]] = []
        self.reference_tokenizers = {name: reference_tokenizer(name) for name in REFERENCES}
        self.loads: LoadRegistry[Session] = LoadRegistry(replica)
        self.refused: dict[str, Message] = {}
        self.trainings = TrainingScheduler(
            settings, self._register_live_session, self._unregister_live_session
        )
        self._corpus_lookup = CorpusLookup(self.trainings.get, settings.corpus_index_bytes)
        self._rounds = Rounds(self.trainings.get, self._write)
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

    def registered_run(self, session_id: str) -> BaseRun:
        """The run of a registered session. Raises SessionNotFound, ModelNotInitialized."""
        return self._sessions.get(session_id).require_run()

    async def get_session(self, session_id: str) -> Session:
        """A registered session, or one of the Hub that is on disk, which is registered again.

        Protects a session of the Hub from eviction. Raises SessionNotFound, Misdirected.
        """
        if session_id not in self._sessions:
            pinned = parse_session_id(session_id)
            snapshot = await self._hub.open_cached(pinned) if pinned else None
            if snapshot is not None:
                self._sessions.register_hub_session(hub_session(snapshot))
        session = self._sessions.get(session_id)
        if session.origin is not None and session.run is not None:
            self._hub.mark_used(session.run)
        return session

    async def _session_in_use(self, session_id: str) -> Session:
        """As get_session; a live training that somebody plays with does not end as an idle one."""
        self.trainings.touch(session_id)
        return await self.get_session(session_id)

    def _register_bundled_sessions(self, models_dir: Path) -> None:
        """Register every folder of `models_dir`; an invalid one does not affect the others."""
        limits = TransformersLimits.from_settings(self.settings)
        for folder in model_folders(models_dir):
            try:
                self.register(bundled_session(folder, limits))
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
        self._corpus_lookup.forget(session_id)
        self._rounds.forget(session_id)
        if run is not None:
            self._models.drop(run)

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
        suffix_ids: Sequence[int] = (),
    ) -> Generation:
        """Continue `context` by n tokens, 1 to TOKENS_MAX, with the model of a session.

        position: absolute index of the first new token; default the number of those before it.
        suffix_ids: ids of tokens that come after the context.
        step: training step of the model; default the last one.
        Raises SessionNotFound, StepNotFound, ModelNotInitialized, InvalidInput, BadCheckpoint,
        Overloaded, EngineUnavailable, and HubError if the step's weights have to be downloaded.
        """
        prompt = await self.prompt(session_id, context, n, step, suffix_ids)
        return await self.continue_prompt(prompt, params, n=n, position=position)

    async def continue_prompt(
        self, prompt: Prompt, params: SamplingParams, *, n: int, position: int | None = None
    ) -> Generation:
        """Continue a prompt by n tokens. Raises Overloaded, EngineUnavailable."""
        return await self._generator.generate(prompt, params, n=n, position=position)

    async def stream(
        self,
        session_id: str,
        context: str,
        params: SamplingParams,
        *,
        n: int,
        position: int | None = None,
        step: int | None = None,
    ) -> AsyncIterator[Generation]:
        """`generate` in parts, each of a few tokens, as they are computed."""
        prompt = await self.prompt(session_id, context, n, step)
        async for part in self.stream_prompt(prompt, params, n=n, position=position):
            yield part

    def stream_prompt(
        self,
        prompt: Prompt,
        params: SamplingParams,
        *,
        n: int,
        position: int | None = None,
        n_part: int = STREAM_TOKENS,
    ) -> AsyncGenerator[Generation, None]:
        """`continue_prompt` in parts of n_part tokens, as they are computed."""
        return self._generator.stream(prompt, params, n=n, position=position, n_part=n_part)

    async def prompt(
        self,
        session_id: str,
        context: str,
        n: int,
        step: int | None,
        suffix_ids: Sequence[int] = (),
    ) -> Prompt:
        """Check a request for n tokens, and load the model; raises as `generate`."""
        session = await self._session_in_use(session_id)
        return await self._generator.prompt(session, context, n, step, suffix_ids)

    async def score(
        self,
        session_id: str,
        text: str,
        step: int | None = None,
        suffix_ids: Sequence[int] = (),
    ) -> TextScore:
        """Score a text with a session's model. Raises SessionNotFound, and as `Scorer.score`."""
        session = await self._session_in_use(session_id)
        return await self._scorer.score(session, text, step, suffix_ids)

    async def search_beams(
        self,
        session_id: str,
        context: str,
        *,
        width: int,
        n: int,
        step: int | None = None,
        suffix_ids: Sequence[int] = (),
    ) -> BeamTree:
        """Beam search after a context. Raises SessionNotFound, and as `BeamSearch.search`."""
        session = await self._session_in_use(session_id)
        return await self._beam_search.search(
            session, context, width=width, n=n, step=step, suffix_ids=suffix_ids
        )

    async def repeat_draw(
        self,
        session_id: str,
        context: str,
        params: SamplingParams,
        *,
        n: int,
        position: int | None = None,
        step: int | None = None,
        suffix_ids: Sequence[int] = (),
    ) -> RepeatedDraw:
        """Draw one token n times. Raises SessionNotFound, and as `DrawRepeater.draw`."""
        session = await self._session_in_use(session_id)
        return await self._draw_repeater.draw(
            session, context, params, n=n, position=position, step=step, suffix_ids=suffix_ids
        )

    async def lane(self, session_id: str, step: int | None, temperature: float) -> Lane:
        """A side of a comparison. Raises SessionNotFound."""
        return Lane(await self._session_in_use(session_id), step, temperature)

    async def compare(
        self, lane: Lane, other: Lane, context: str, n: int = 1, suffix_ids: Sequence[int] = ()
    ) -> Comparison:
        """Compare two predictions after a context. Raises as `Comparer.compare`."""
        return await self._comparer.compare(lane, other, context, n, suffix_ids)

    async def compare_contexts(
        self,
        lane: Lane,
        context: str,
        others: Sequence[str],
        token: str | int,
        suffix_ids: Sequence[int] = (),
    ) -> ContextComparison:
        """Compare predictions after several contexts. Raises as `ContextComparer.compare`."""
        return await self._context_comparer.compare(lane, context, others, token, suffix_ids)

    async def look_up(
        self, session_id: str, context: str, length: int | None, suffix_ids: Sequence[int] = ()
    ) -> Lookup | None:
        """What followed a context in the text that a session's model learned from.

        Raises SessionNotFound, and as `CorpusLookup.look_up`.
        """
        session = await self._session_in_use(session_id)
        return await self._corpus_lookup.look_up(session, context, length, suffix_ids)

    async def round(self, session_id: str, seed: int, n: int = ROUND_LENGTH) -> Round:
        """A round of a guessing game. Raises SessionNotFound, and as `Rounds.make`."""
        return await self._rounds.make(await self._session_in_use(session_id), seed, n)

    async def _write(self, session: Session, prompt: str, n: int, seed: int) -> list[int]:
        params = SamplingParams(seed=seed)
        generation = await self.generate(session.session_id, prompt, params, n=n)
        ids: list[int] = generation.steps.token.tolist()
        return ids

    async def warm_up(self) -> None:
        """Load the last step of every bundled session into the model cache.

        Not those of transformers, whose library is imported after the start, nor those of word
        pieces, whose tokenizer runs in a process of its own: what nobody opens costs nothing. A
        session with invalid weights is unregistered, with the reason in `refused`.
        """
        for session in self.sessions():
            run = session.run
            if session.source != "bundled" or run is None or run.vocabulary.kind != "characters":
                continue
            await self._refuse_invalid(session, self._models.load(session, run.checkpoint(None)))

    async def _refuse_invalid(self, session: Session, check: Awaitable[object]) -> None:
        """Unregister a session whose check raises BadCheckpoint."""
        try:
            await check
        except BadCheckpoint as error:
            self._record_refused(session.session_id, error)
            self.unregister(session.session_id)

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
        await self._models.load(session, snapshot.run.checkpoint(None))
        self._sessions.register_hub_session(session)
        return session

    def start_load(self, address: str, revision: str | None = None) -> Load[Session]:
        """Start `load_from_hub` in the background. Raises InvalidInput, TooManyLoads."""
        self._hub.parse_address(address, revision)
        return self.loads.start(partial(self.load_from_hub, address, revision))

    def open_featured(self) -> None:
        """Start opening the operator's featured repos in the background, one after another."""
        self._background.append(asyncio.create_task(self._open_featured()))

    async def _open_featured(self) -> None:
        for address in self.settings.featured_repos:
            try:
                self._sessions.register_featured(await self.load_from_hub(address))
            except PlaygroundError as error:
                log.warning("the featured %s is not opened: %s", address, in_default_locale(error))
                self.refused[address] = error.message

    def prepare(self) -> None:
        """Start what visitors are likely to need soon: processes for trainings and for crowds, and
        the transformers library where a bundled model needs it.
        """
        self.trainings.prepare()
        self._engine.start()
        self._background.append(asyncio.create_task(self._prepare_library()))

    async def _prepare_library(self) -> None:
        """Import it where a bundled model is its own, and check the architectures of those."""
        bundled = [session for session in self.sessions() if session.source == "bundled"]
        own = [(one, one.run) for one in bundled if isinstance(one.run, TransformersRun)]
        if not own:
            return
        importing = asyncio.create_task(asyncio.to_thread(import_library))
        for session, run in own:
            await self._refuse_invalid(session, asyncio.to_thread(check_architecture, run))
        await importing

    async def close(self) -> None:
        """Cancel loads and trainings, end the engine."""
        for task in self._background:
            task.cancel()
            await asyncio.wait({task})
        await self.trainings.close()
        await self.loads.close()
        await self._hub.close()
        await self._engine.close()


def _backend(settings: Settings) -> Backend:
    """What generates: a cluster of Ray Serve if there is one, else this server."""
    if settings.ray_serve_url:
        return RayServeEngine(
            settings.ray_serve_url, EngineConfig.from_settings(settings).create_engine()
        )
    return OffloadingEngine(
        EngineConfig.from_settings(settings), with_process=settings.engine_process
    )
