"""Schedules live trainings: a bounded number of workers and a FIFO queue.

A visitor is identified by a random id that their page made up; a job is reached by its session id
alone, which is unguessable and listed to its visitor only.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from playground.checkpoints.archive import pack, unpack
from playground.checkpoints.schema import NAME_MAX
from playground.errors import (
    InvalidInput,
    TooManyTrainings,
    TrainingConflict,
    TrainingUnavailable,
)
from playground.i18n.translate import Message
from playground.replica import Replica
from playground.settings import Settings
from playground.training import protocol
from playground.training.corpora import CORPORA, TRAINING_PART, CorpusName
from playground.training.fork_server import ForkServer
from playground.training.job import TrainingJob
from playground.training.job_store import JobStore, now
from playground.training.plans import TrainingPlan
from playground.training.presets import TYPICAL_VOCAB_SIZE
from playground.training.state import ENDED, PARKABLE, Action
from playground.training.texts import read_text
from playground.training.worker_handle import STOP_TIMEOUT_SECONDS, WorkerHandle

log = logging.getLogger(__name__)

_CLEANUP_SECONDS = 0.5
_ABANDONED = Message.of("training.unseen")


class TrainingScheduler:
    """All live trainings of a server. For one event loop."""

    def __init__(
        self,
        settings: Settings,
        register: Callable[[TrainingJob], None],
        unregister: Callable[[str], None],
    ) -> None:
        """register: called with a job whose session is new or changed; unregister: with its id."""
        self.settings = settings
        self._jobs = JobStore(register, unregister, Replica(settings.replica))
        self._queue: list[TrainingJob] = []
        self._workers: dict[str, WorkerHandle] = {}
        self._root: TemporaryDirectory[str] | None = None
        self._fork_server: ForkServer | None = None
        self._cleanup_task: asyncio.Task[None] | None = None

    def prepare(self) -> Path:
        """Start the fork server, which takes seconds to import torch; returns the jobs' folder."""
        if self._root is None:
            self._root = TemporaryDirectory(prefix="token-playground-")
            self._fork_server = ForkServer(Path(self._root.name))
        assert self._fork_server is not None
        self._fork_server.prepare()
        return Path(self._root.name)

    # --- Lookup ----------------------------------------------------------------------------------

    def get(self, session_id: str) -> TrainingJob:
        """Look up a job and mark it as seen; unseen ones are stopped. Raises SessionNotFound."""
        job = self._jobs.get(session_id)
        job.last_seen = now()
        return job

    def touch(self, session_id: str) -> None:
        """Mark a session as seen if it is a live one."""
        if session_id in self._jobs:
            self.get(session_id)

    def of_visitor(self, visitor: str) -> list[TrainingJob]:
        """A visitor's own jobs, the oldest first."""
        return self._jobs.of_visitor(visitor)

    def position(self, job: TrainingJob) -> int | None:
        """Its place in the queue, 1 for the next; None where it is not queued."""
        return self._queue.index(job) + 1 if job in self._queue else None

    def estimate_seconds(self, job: TrainingJob) -> float | None:
        """A rough time until it starts; None where it is not queued."""
        place = self.position(job)
        if place is None:
            return None
        ahead = [other for other in self._jobs if self._has_worker(other)]
        ahead += self._queue[: place - 1]
        return sum(other.seconds_left for other in ahead) / self.settings.trainings_max

    # --- Creation and removal --------------------------------------------------------------------

    async def start(
        self,
        visitor: str,
        corpus: CorpusName,
        text: str | None,
        make_plan: Callable[[int], TrainingPlan],
        *,
        paused: bool = False,
        speed: float | None = None,
    ) -> TrainingJob:
        """Queue a new job. make_plan: returns the plan for a vocabulary size.

        Raises InvalidInput, TrainingConflict where the visitor has an active job, TooManyTrainings.
        """
        if (corpus == "text") != (text is not None):
            raise InvalidInput("training.text_without_corpus").at("text")
        if text is None:
            plan = make_plan(TYPICAL_VOCAB_SIZE)
        else:
            text, plan = await _read_and_plan(text, make_plan)
        self._check_capacity(visitor)
        title = next(c.title for c in CORPORA if c.name == corpus)
        job = self._jobs.create(self.prepare(), visitor, title)
        job.corpus, job.plan = corpus, plan
        job.start_paused, job.speed = paused, speed
        if text is not None:
            job.text_path = job.folder / ".job" / "text.txt"
            await asyncio.to_thread(job.text_path.write_bytes, text.encode())
        self._add(job)
        self._enqueue(job)
        return job

    async def upload(self, visitor: str, source: IO[bytes]) -> TrainingJob:
        """Add the run of a zip as a job that is done.

        Raises InvalidInput, BadCheckpoint, TooManyTrainings.
        """
        job = self._jobs.create(self.prepare(), visitor, Message.of("training.uploaded"))
        try:
            run = await asyncio.to_thread(
                unpack,
                source,
                job.folder,
                max_bytes=self.settings.training_upload_bytes,
                max_gigaflops=self.settings.hub_gigaflops,
            )
            self._jobs.make_room(visitor, self.settings.trainings_kept)
        except BaseException:
            shutil.rmtree(job.folder, ignore_errors=True)
            raise
        job.complete(run)
        self._add(job)
        return job

    async def download(self, session_id: str) -> Path:
        """Pack a job's run into a zip in its folder.

        Raises SessionNotFound, TrainingConflict, BadCheckpoint.
        """
        job = self.get(session_id)
        if job.run is None:
            raise TrainingConflict("training.no_model_yet")
        target = job.folder / ".job" / f"{secrets.token_hex(8)}.zip"
        await asyncio.to_thread(pack, job.run, target)
        return target

    async def delete(self, session_id: str) -> None:
        """End a job and delete its files. Raises SessionNotFound."""
        job = self._jobs.get(session_id)
        self._jobs.remove(job)
        if job in self._queue:
            self._queue.remove(job)
        worker = self._workers.get(session_id)
        if worker is not None and worker.task is not None:
            worker.end()
            if worker.connection is None:
                worker.task.cancel()
            await asyncio.wait([worker.task])
        await asyncio.to_thread(shutil.rmtree, job.folder, ignore_errors=True)

    async def close(self) -> None:
        """End all workers and delete all files."""
        if self._cleanup_task is not None:
            self._cleanup_task.cancel()
        tasks = [worker.task for worker in self._workers.values() if worker.task is not None]
        self._jobs.clear()
        self._queue.clear()
        for worker in self._workers.values():
            worker.end()
        if self._fork_server is not None:
            self._fork_server.close()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT_SECONDS)
            for task in late:
                task.cancel()
        if self._root is not None:
            self._root.cleanup()
            self._root = None

    # --- Actions, see state.TRANSITIONS ----------------------------------------------------------

    def pause(self, session_id: str) -> TrainingJob:
        """Wait before the next update. Raises SessionNotFound, TrainingConflict."""
        job = self.get(session_id)
        before = job.state
        self._act(job, "pause")
        if job.state != before and self._has_worker(job):
            job.start_paused = True
            self._send(job, protocol.Pause())
        return job

    def resume(self, session_id: str) -> TrainingJob:
        """Continue, with the same updates as if uninterrupted.

        Raises SessionNotFound, TrainingConflict.
        """
        job = self.get(session_id)
        self._act(job, "resume")
        job.start_paused = False
        if self._has_worker(job):
            self._send(job, protocol.Resume())
        else:
            self._enqueue(job)
        return job

    def step(self, session_id: str) -> TrainingJob:
        """Make one update, then wait. Raises SessionNotFound, TrainingConflict."""
        job = self.get(session_id)
        self._act(job, "step")
        job.start_paused = True
        if self._has_worker(job):
            self._send(job, protocol.Step())
        else:
            job.start_steps = 1
            self._enqueue(job)
        return job

    def stop(self, session_id: str, note: Message | None = None) -> TrainingJob:
        """End a job, which can be resumed. Raises SessionNotFound, TrainingConflict.

        note: the reason, where it was not the visitor.
        """
        job = self._jobs.get(session_id)
        self._act(job, "stop")
        job.note, job.is_parked = note, False
        if self._has_worker(job):
            self._workers[session_id].stop()
        return job

    def set_speed(self, session_id: str, steps_per_second: float | None) -> TrainingJob:
        """Limit the updates per second; None is no limit. Raises SessionNotFound."""
        job = self.get(session_id)
        job.speed = steps_per_second
        self._send(job, protocol.SetSpeed(steps_per_second))
        return job

    def rename(self, session_id: str, name: str) -> TrainingJob:
        """Set a job's name. Raises SessionNotFound."""
        job = self.get(session_id)
        job.rename(name[:NAME_MAX])
        self._jobs.register(job)
        return job

    def _act(self, job: TrainingJob, action: Action) -> None:
        """Make the transition of an action; leave the queue. Raises TrainingConflict."""
        has_worker = self._has_worker(job)
        job.check(action, has_worker=has_worker)
        if action in ("resume", "step"):
            self._check_can_continue(job)
        job.act(action, has_worker=has_worker)
        if job in self._queue:
            self._queue.remove(job)

    def _check_can_continue(self, job: TrainingJob) -> None:
        """Check for conflicts that do not depend on the job's state. Raises TrainingConflict."""
        if not job.can_resume:
            raise TrainingConflict("training.at_its_end")
        others = (other for other in self.of_visitor(job.visitor) if other is not job)
        if any(other.is_active for other in others):
            raise TrainingConflict("training.another_under_way")
        worker = self._workers.get(job.session_id)
        if worker is not None and worker.is_stopping:
            raise TrainingConflict("training.being_stopped")

    # --- Queue and workers -----------------------------------------------------------------------

    def _check_capacity(self, visitor: str) -> None:
        """Raises TrainingConflict, TooManyTrainings."""
        if any(job.is_active for job in self.of_visitor(visitor)):
            raise TrainingConflict("training.one_at_a_time")
        if len(self._queue) >= self.settings.training_queue:
            raise TooManyTrainings
        self._jobs.make_room(visitor, self.settings.trainings_kept)

    def _add(self, job: TrainingJob) -> None:
        self._jobs.add(job)
        if self._cleanup_task is None:
            self._cleanup_task = asyncio.create_task(self._stop_abandoned())

    def _has_worker(self, job: TrainingJob) -> bool:
        return job.session_id in self._workers

    def _send(self, job: TrainingJob, command: protocol.Command) -> None:
        if (worker := self._workers.get(job.session_id)) is not None:
            worker.send(command)

    def _enqueue(self, job: TrainingJob) -> None:
        job.note, job.is_parked = None, False
        self._queue.append(job)
        self._dispatch()

    def _dispatch(self) -> None:
        """Start queued jobs while there is room; park a paused one where others wait."""
        while self._queue and len(self._workers) < self.settings.trainings_max:
            job = self._queue.pop(0)
            job.enter("started")
            worker = self._workers[job.session_id] = WorkerHandle()
            worker.task = asyncio.create_task(self._run_worker(job, worker))
        if not self._queue:
            return
        for job in self._jobs:
            idle = self._workers.get(job.session_id)
            if job.state in PARKABLE and idle is not None and not idle.is_stopping:
                job.is_parked = True
                idle.stop()
                return

    async def _run_worker(self, job: TrainingJob, worker: WorkerHandle) -> None:
        """Start a job's worker and apply its events until it exits."""
        assert self._fork_server is not None
        try:
            worker.connection = await self._fork_server.spawn()
            worker.send(job.train_job(self.settings.training_memory_bytes))
            if worker.is_stopping:  # stopped while the process was starting
                worker.send(protocol.Stop())
            ended = await self._apply_events(job, worker)
            if not ended and job.session_id in self._jobs:
                job.fail()
                log.warning("a training worker exited without reporting its end")
        except TrainingUnavailable as error:
            job.fail(error.message)
        except Exception as error:  # else it would stay active without a worker
            log.exception("a training worker could not be followed")
            job.fail(Message.of("training.failed", reason=type(error).__name__))
        finally:
            job.pid, job.start_steps, job.steps_per_second = None, 0, None
            worker.close()
            del self._workers[job.session_id]
            self._dispatch()

    async def _apply_events(self, job: TrainingJob, worker: WorkerHandle) -> bool:
        """Apply a worker's events; returns whether it reported its end."""
        async with aclosing(worker.events()) as events:
            async for event in events:
                run = job.run
                job.apply(event)
                if job.run is not run and job.session_id in self._jobs:
                    self._jobs.register(job)
                if isinstance(event, protocol.Paused):
                    self._dispatch()
                if isinstance(event, protocol.Ended):
                    return True
        return False

    async def _stop_abandoned(self) -> None:
        """Stop active jobs and delete inactive ones that were not seen for their time limits."""
        while True:
            await asyncio.sleep(_CLEANUP_SECONDS)
            for job in self._jobs:
                if job.session_id not in self._jobs:  # deleted during an earlier await
                    continue
                unseen = now() - job.last_seen
                if job.is_active and unseen > self.settings.training_idle_seconds:
                    if job.state not in ENDED:
                        self.stop(job.session_id, _ABANDONED)
                elif not job.is_active and unseen > self.settings.training_keep_seconds:
                    await self.delete(job.session_id)


async def _read_and_plan(
    text: str, make_plan: Callable[[int], TrainingPlan]
) -> tuple[str, TrainingPlan]:
    """The text as it is learned, and its plan. Raises InvalidInput."""
    try:
        text, n_characters = await asyncio.to_thread(_read_and_count, text)
    except InvalidInput as error:
        raise error.at("text") from None
    plan = make_plan(n_characters)
    context = plan.model["block_size"]
    if int(len(text) * TRAINING_PART) <= context:
        raise InvalidInput("training.text_below_context", found=len(text), context=context).at(
            "text"
        )
    return text, plan


def _read_and_count(text: str) -> tuple[str, int]:
    """The text as it is learned, and its number of different characters. Raises InvalidInput."""
    text = read_text(text)
    return text, len(set(text))
