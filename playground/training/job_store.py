"""The jobs of all visitors with their folders: lookup, per-visitor and total limits, eviction."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from playground.errors import SessionNotFound, TooManyTrainings
from playground.i18n.translate import Message
from playground.replica import Replica
from playground.training.job import TrainingJob

KEPT_PER_VISITOR = 8


class JobStore:
    """Jobs by session id. For one event loop.

    register: called with a job whose session is new or has changed; unregister: with its id.
    """

    def __init__(
        self,
        register: Callable[[TrainingJob], None],
        unregister: Callable[[str], None],
        replica: Replica,
    ) -> None:
        self.register = register
        self._unregister = unregister
        self._replica = replica
        self._jobs: dict[str, TrainingJob] = {}

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._jobs

    def __iter__(self) -> Iterator[TrainingJob]:
        return iter(list(self._jobs.values()))

    def get(self, session_id: str) -> TrainingJob:
        """Raises SessionNotFound, Misdirected."""
        try:
            return self._jobs[session_id]
        except KeyError:
            raise self._replica.missing(session_id, SessionNotFound()) from None

    def of_visitor(self, visitor: str) -> list[TrainingJob]:
        """A visitor's own jobs, the oldest first."""
        return [job for job in self._jobs.values() if job.visitor == visitor]

    def create(self, root: Path, visitor: str, title: Message) -> TrainingJob:
        """A new job with a folder below `root`; not yet added."""
        session_id = self._replica.new_id("live-")
        folder = root / session_id
        (folder / ".job").mkdir(parents=True)
        return TrainingJob(session_id, visitor, folder, title, last_seen=now())

    def add(self, job: TrainingJob) -> None:
        """Add a job and register its session."""
        self._jobs[job.session_id] = job
        self.register(job)

    def remove(self, job: TrainingJob) -> None:
        """Remove a job and its session; its folder stays."""
        del self._jobs[job.session_id]
        self._unregister(job.session_id)

    def make_room(self, visitor: str, kept_max: int) -> None:
        """Evict the least recently seen inactive job at a limit, of the visitor's own first.

        kept_max: of all visitors' jobs. Raises TooManyTrainings where all of them are active.
        """
        own = [job for job in self.of_visitor(visitor) if not job.is_active]
        if len(own) >= KEPT_PER_VISITOR:
            unnamed = [job for job in own if job.name is None]
            self._evict_oldest(unnamed or own)
        elif len(self._jobs) >= kept_max:
            inactive = [job for job in self._jobs.values() if not job.is_active]
            if not inactive:
                raise TooManyTrainings
            self._evict_oldest(inactive)

    def clear(self) -> None:
        """Remove all jobs; their folders stay."""
        for job in self:
            self.remove(job)

    def _evict_oldest(self, jobs: list[TrainingJob]) -> None:
        oldest = min(jobs, key=lambda job: job.last_seen)
        self.remove(oldest)
        shutil.rmtree(oldest.folder, ignore_errors=True)


def now() -> float:
    """Seconds on the event loop's clock."""
    return asyncio.get_running_loop().time()
