"""Live trainings: a bounded number at a time, the others in a queue, each known to its visitor.

A visitor is whoever knows a visitor id that their page made up; a training is reached by its
session id alone, which nobody can guess and no list tells to others.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import secrets
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from playground.checkpoints.archive import pack, unpack
from playground.errors import (
    InvalidInput,
    SessionNotFound,
    TooManyTrainings,
    TrainingConflict,
    TrainingUnavailable,
)
from playground.i18n.translate import Message
from playground.settings import Settings
from playground.training.corpora import (
    CORPORA,
    TRAINING_PART,
    CorpusName,
    check_text,
)
from playground.training.fork_server import Connection, Spawner
from playground.training.job import NAME_MAX, Evaluation, Training
from playground.training.plans import Plan

log = logging.getLogger(__name__)

Offer = Callable[[Training], None]
_TIDY_SECONDS = 0.5
_STOP_SECONDS = 5.0  # until a process that does not stop is ended
_KEPT_OF_ONE_VISITOR = 8
_UNSEEN = Message.of("training.unseen")


@dataclass(slots=True)
class _Link:
    """A training's process: its task, and the way to tell it something once it is there."""

    task: asyncio.Task[None] | None = None
    connection: Connection | None = None
    last_resort: asyncio.TimerHandle | None = None

    @property
    def is_stopping(self) -> bool:
        return self.last_resort is not None

    def tell(self, message: dict[str, object]) -> None:
        if self.connection is not None:
            self.connection[1].write(json.dumps(message).encode() + b"\n")

    def end(self) -> None:
        """The process ends itself as soon as it cannot be told anything any more."""
        if self.connection is not None and self.connection[1].can_write_eof():
            self.connection[1].write_eof()


class TrainingScheduler:
    """All live trainings of a server. For one event loop."""

    def __init__(
        self,
        settings: Settings,
        offer: Offer,
        withdraw: Callable[[str], None],
        fetch_corpus: Callable[[], Awaitable[Path]],
    ) -> None:
        """offer: called with a training whose session is new, or another; withdraw: with its id.

        fetch_corpus: downloads Tiny Shakespeare; returns its file. May raise PlaygroundError.
        """
        self.settings = settings
        self._offer, self._withdraw = offer, withdraw
        self._fetch_corpus = fetch_corpus
        self._trainings: dict[str, Training] = {}
        self._queue: list[Training] = []
        self._links: dict[str, _Link] = {}
        self._root: TemporaryDirectory[str] | None = None
        self._spawner: Spawner | None = None
        self._tidying: asyncio.Task[None] | None = None

    def prepare(self) -> Path:
        """Let a process import what a training needs, before anybody presses Start.

        Returns the folder of all trainings.
        """
        if self._root is None:
            self._root = TemporaryDirectory(prefix="token-playground-")
            self._spawner = Spawner(Path(self._root.name))
        assert self._spawner is not None
        self._spawner.prepare()
        return Path(self._root.name)

    def training(self, session_id: str) -> Training:
        """Raises SessionNotFound."""
        try:
            return self._trainings[session_id]
        except KeyError:
            raise SessionNotFound from None

    def look(self, session_id: str) -> Training:
        """The same, and somebody is there who follows it. Raises SessionNotFound."""
        training = self.training(session_id)
        training.last_look = _now()
        return training

    def touch(self, session_id: str) -> None:
        """Somebody plays with a session, which may be a live one."""
        if session_id in self._trainings:
            self.look(session_id)

    def of_visitor(self, visitor: str) -> list[Training]:
        """A visitor's own trainings, the oldest first."""
        return [t for t in self._trainings.values() if t.visitor == visitor]

    async def start(
        self,
        visitor: str,
        corpus: CorpusName,
        text: str | None,
        plan: Callable[[int], Plan],
        *,
        paused: bool = False,
        speed: float | None = None,
    ) -> Training:
        """A new training, in the queue. plan: makes one for a vocabulary of so many characters.

        Raises InvalidInput, TrainingConflict where the visitor has one under way, TooManyTrainings,
        HubError where Tiny Shakespeare cannot be had.
        """
        if (corpus == "text") != (text is not None):
            raise InvalidInput("training.text_without_corpus")
        if text is not None:
            await asyncio.to_thread(check_text, text)
        made = plan(len(set(text)) if text is not None else 100)
        if text is not None and int(len(text) * TRAINING_PART) <= made.model["block_size"]:
            raise InvalidInput(
                "training.text_below_context", found=len(text), context=made.model["block_size"]
            )
        self._check_room(visitor)
        path = await self._fetch_corpus() if corpus == "shakespeare" else None
        self._check_room(visitor)
        training = self._new(visitor, next(c.title for c in CORPORA if c.name == corpus))
        training.corpus, training.plan, training.text_path = corpus, made, path
        training.start_paused, training.speed = paused, speed
        if text is not None:
            training.text_path = training.folder / ".job" / "text.txt"
            training.text_path.write_bytes(text.encode())
        self._add(training)
        self._enqueue(training)
        return training

    def pause(self, session_id: str) -> Training:
        """Wait before the next update. Raises SessionNotFound, TrainingConflict."""
        training = self.look(session_id)
        if training.state == "queued":
            self._queue.remove(training)
            training.state = "paused"
        elif training.state in ("starting", "training"):
            training.state, training.start_paused = "pausing", True
            self._tell(training, do="pause")
        elif training.state != "pausing":
            raise TrainingConflict("training.nothing_to_pause", state=training.state_word)
        return training

    def resume(self, session_id: str) -> Training:
        """Go on, as if it had never been interrupted. Raises SessionNotFound, TrainingConflict."""
        training = self.look(session_id)
        self._check_can_go_on(training)
        training.start_paused = False
        if self._has_process(training):
            training.state = "training"
            self._tell(training, do="resume")
        else:
            self._enqueue(training)
        return training

    def step(self, session_id: str) -> Training:
        """Make one update, then wait. Raises SessionNotFound, TrainingConflict."""
        training = self.look(session_id)
        self._check_can_go_on(training)
        training.start_paused = True
        if self._has_process(training):
            self._tell(training, do="step")
        else:
            training.start_steps = 1
            self._enqueue(training)
        return training

    def stop(self, session_id: str, note: Message | None = None) -> Training:
        """End it; it can be resumed. Raises SessionNotFound, TrainingConflict.

        note: why, where it was not the visitor.
        """
        training = self.training(session_id)
        if training.state in ("done", "stopped", "failed"):
            raise TrainingConflict("training.stopped_already", state=training.state_word)
        training.note = note
        if training in self._queue:
            self._queue.remove(training)
        training.is_parked = False
        if self._has_process(training):
            self._stop_process(training)
        else:
            training.state = "stopped"
        return training

    def set_speed(self, session_id: str, steps_per_second: float | None) -> Training:
        """Slow down for watching; None is as fast as it goes. Raises SessionNotFound."""
        training = self.look(session_id)
        training.speed = steps_per_second
        self._tell(training, do="speed", steps_per_second=steps_per_second)
        return training

    def rename(self, session_id: str, name: str) -> Training:
        """Keep a training under a name. Raises SessionNotFound."""
        training = self.look(session_id)
        training.rename(name[:NAME_MAX])
        self._offer(training)
        return training

    async def delete(self, session_id: str) -> None:
        """End a training and remove all that there is of it. Raises SessionNotFound."""
        training = self.training(session_id)
        del self._trainings[session_id]
        self._withdraw(session_id)
        if training in self._queue:
            self._queue.remove(training)
        link = self._links.get(session_id)
        if link is not None and link.task is not None:
            link.end()
            if link.connection is None:
                link.task.cancel()
            await asyncio.wait([link.task])
        await asyncio.to_thread(shutil.rmtree, training.folder, ignore_errors=True)

    async def download(self, session_id: str) -> Path:
        """A zip of a training, in its own folder. Raises SessionNotFound, TrainingConflict."""
        training = self.look(session_id)
        if training.run is None:
            raise TrainingConflict("training.no_model_yet")
        target = training.folder / ".job" / f"{secrets.token_hex(8)}.zip"
        await asyncio.to_thread(pack, training.run, target)
        return target

    async def upload(self, visitor: str, source: IO[bytes]) -> Training:
        """A run out of a zip, as a training that is done. Raises InvalidInput, BadCheckpoint."""
        self._make_room(visitor)
        training = self._new(visitor, Message.of("training.uploaded"))
        limits = self.settings
        try:
            run = await asyncio.to_thread(
                unpack,
                source,
                training.folder,
                max_bytes=limits.training_upload_bytes,
                max_gigaflops=limits.hub_gigaflops,
            )
        except BaseException:
            shutil.rmtree(training.folder, ignore_errors=True)
            raise
        training.title, training.name = run.config.corpus or training.title, run.config.name
        training.run, training.state, training.can_resume = run, "done", False
        training.step = run.steps[-1]
        training.vocabulary, training.entries = run.vocabulary, {e.step: e for e in run.checkpoints}
        training.evaluations = [
            Evaluation(e.step, e.val_loss, run.config.prompt, "", "", None, ())
            for e in run.checkpoints
            if e.val_loss is not None
        ]
        self._add(training)
        return training

    def position(self, training: Training) -> int | None:
        """Its place in the queue, 1 for the next; None where it does not wait."""
        return self._queue.index(training) + 1 if training in self._queue else None

    def estimate_seconds(self, training: Training) -> float | None:
        """Until it begins, roughly; None where it does not wait."""
        place = self.position(training)
        if place is None:
            return None
        ahead = [t for t in self._trainings.values() if self._has_process(t)]
        ahead += self._queue[: place - 1]
        return sum(t.seconds_left for t in ahead) / self.settings.trainings_max

    async def close(self) -> None:
        """End all processes, and remove all files."""
        if self._tidying is not None:
            self._tidying.cancel()
        tasks = [link.task for link in self._links.values() if link.task is not None]
        for session_id in list(self._trainings):
            self._withdraw(session_id)
        self._trainings.clear()
        self._queue.clear()
        for link in self._links.values():
            link.end()
        if self._spawner is not None:
            self._spawner.close()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_STOP_SECONDS)
            for task in late:
                task.cancel()
        if self._root is not None:
            self._root.cleanup()
            self._root = None

    def _new(self, visitor: str, title: Message) -> Training:
        session_id = f"live-{secrets.token_urlsafe(16)}"
        folder = self.prepare() / session_id
        (folder / ".job").mkdir(parents=True)
        return Training(session_id, visitor, folder, title, last_look=_now())

    def _add(self, training: Training) -> None:
        self._trainings[training.session_id] = training
        self._offer(training)
        if self._tidying is None:
            self._tidying = asyncio.create_task(self._tidy())

    def _check_room(self, visitor: str) -> None:
        """Raises TrainingConflict, TooManyTrainings."""
        if any(t.is_active for t in self.of_visitor(visitor)):
            raise TrainingConflict("training.one_at_a_time")
        if len(self._queue) >= self.settings.training_queue:
            raise TooManyTrainings
        self._make_room(visitor)

    def _make_room(self, visitor: str) -> None:
        """Forget what nobody has looked at for longest, the visitor's own first."""
        own = [t for t in self.of_visitor(visitor) if not t.is_active]
        unnamed = [t for t in own if t.name is None]
        if len(own) >= _KEPT_OF_ONE_VISITOR:
            self._forget(unnamed or own)
        elif len(self._trainings) >= self.settings.trainings_kept:
            ended = [t for t in self._trainings.values() if not t.is_active]
            if not ended:
                raise TooManyTrainings
            self._forget(ended)

    def _forget(self, trainings: list[Training]) -> None:
        oldest = min(trainings, key=lambda t: t.last_look)
        del self._trainings[oldest.session_id]
        self._withdraw(oldest.session_id)
        shutil.rmtree(oldest.folder, ignore_errors=True)

    def _has_process(self, training: Training) -> bool:
        return training.session_id in self._links

    def _check_can_go_on(self, training: Training) -> None:
        if training.state in ("queued", "starting", "training"):
            raise TrainingConflict("training.under_way")
        if not training.can_resume:
            raise TrainingConflict("training.at_its_end")
        others = (t for t in self.of_visitor(training.visitor) if t is not training)
        if any(t.is_active for t in others):
            raise TrainingConflict("training.another_under_way")
        link = self._links.get(training.session_id)
        if link is not None and link.is_stopping:
            raise TrainingConflict("training.being_stopped")

    def _tell(self, training: Training, **message: object) -> None:
        if (link := self._links.get(training.session_id)) is not None:
            link.tell(message)

    def _enqueue(self, training: Training) -> None:
        training.state, training.note, training.is_parked = "queued", None, False
        self._queue.append(training)
        self._advance()

    def _advance(self) -> None:
        """Start what there is room for; what is paused gives up its process to one that waits."""
        while self._queue and len(self._links) < self.settings.trainings_max:
            training = self._queue.pop(0)
            training.state = "starting"
            link = self._links[training.session_id] = _Link()
            link.task = asyncio.create_task(self._follow(training, link))
        if self._queue:
            for training in self._trainings.values():
                link = self._links.get(training.session_id)
                if training.state == "paused" and link is not None and not link.is_stopping:
                    training.is_parked = True
                    self._stop_process(training)
                    return

    def _stop_process(self, training: Training) -> None:
        link = self._links[training.session_id]
        if not link.is_stopping:
            link.tell({"do": "stop"})
            link.last_resort = asyncio.get_running_loop().call_later(_STOP_SECONDS, link.end)

    async def _follow(self, training: Training, link: _Link) -> None:
        """A training's process, from its start to its end."""
        assert self._spawner is not None
        try:
            link.connection = await self._spawner.spawn()
            job = training.job(self.settings.training_memory_bytes)
            link.tell(dataclasses.asdict(job))
            if link.is_stopping:
                link.tell({"do": "stop"})
            ended = await self._listen(training, link.connection[0])
            if not ended and training.session_id in self._trainings:
                training.died()
                log.warning("the process of a training has died")
        except TrainingUnavailable as error:
            training.state, training.note = "failed", error.message
        finally:
            training.pid, training.start_steps, training.steps_per_second = None, 0, None
            if link.last_resort is not None:
                link.last_resort.cancel()
            if link.connection is not None:
                link.connection[1].close()
            del self._links[training.session_id]
            self._advance()

    async def _listen(self, training: Training, reader: asyncio.StreamReader) -> bool:
        """Until the process says that this was the end, True, or is gone without that, False."""
        try:
            async for line in reader:
                run = training.run
                message = json.loads(line)
                training.hear(message)
                if training.run is not run and training.session_id in self._trainings:
                    self._offer(training)
                if message["kind"] == "paused":
                    self._advance()
                if message["kind"] == "end":
                    return True
        except ConnectionError:  # it was killed before it had read everything
            pass
        return False

    async def _tidy(self) -> None:
        """End what nobody looks at, and remove what nobody has looked at for long."""
        while True:
            await asyncio.sleep(_TIDY_SECONDS)
            limits = self.settings
            for training in list(self._trainings.values()):
                unseen = _now() - training.last_look
                if training.is_active and unseen > limits.training_idle_seconds:
                    self.stop(training.session_id, _UNSEEN)
                elif not training.is_active and unseen > limits.training_keep_seconds:
                    await self.delete(training.session_id)


def _now() -> float:
    return asyncio.get_running_loop().time()
