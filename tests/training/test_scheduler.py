"""Live trainings: who gets a process when, what survives what, and that nothing is left behind."""

import asyncio
import gc
import io
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from playground.checkpoints.folder import load_model, read_run
from playground.errors import (
    BadCheckpoint,
    InvalidInput,
    SessionNotFound,
    TooManyTrainings,
    TrainingConflict,
)
from playground.settings import ROOT, Settings
from playground.training.job import TrainingJob
from playground.training.plans import make_plan
from playground.training.scheduler import TrainingScheduler

TEXT = "the cat sat on the mat and the dog ran to the cat.\n" * 40
TINY = {"n_layer": 1, "n_head": 1, "n_embd": 16, "block_size": 16}
WAIT_SECONDS = 60
ENDED = ("done", "stopped", "failed")


class Place:
    """A server's trainings and its event loop, which runs while `do` or `until` waits."""

    def __init__(self, settings):
        self.loop = asyncio.new_event_loop()
        self.offered = {}
        self.trainings = TrainingScheduler(settings, self.offer, self.offered.pop)
        self.n_visitors = 0

    def offer(self, training):
        self.offered[training.session_id] = training.run

    def do(self, coroutine):
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, WAIT_SECONDS))

    def call(self, function, *args):
        async def inside():
            return function(*args)

        return self.do(inside())

    def until(self, condition):
        async def wait():
            while not condition():
                await asyncio.sleep(0.01)

        self.do(wait())

    def start(self, visitor=None, text=TEXT, steps=12, **options):
        self.n_visitors += 1
        plan = partial(
            make_plan,
            preset="quick-15k",
            teraflops_max=20,
            steps=steps,
            batch_size=4,
            model=TINY,
            seed=5,
        )
        return self.do(
            self.trainings.start(visitor or f"v{self.n_visitors}", "text", text, plan, **options)
        )

    def clear(self):
        for job in self.trainings._jobs:
            self.do(self.trainings.delete(job.session_id))

    def close(self):
        self.do(self.trainings.close())
        self.loop.close()


@pytest.fixture(scope="module")
def one_place():
    place = Place(Settings())
    place.call(place.trainings.prepare)
    yield place
    place.close()


@pytest.fixture
def place(one_place):
    yield one_place
    one_place.clear()


@pytest.fixture
def limits(place, monkeypatch):
    """`limits(training_queue=1)`: other settings for one test."""

    def change(**values):
        monkeypatch.setattr(
            place.trainings, "settings", place.trainings.settings.model_copy(update=values)
        )

    return change


def ended(*trainings):
    return lambda: all(t.state in ENDED for t in trainings)


def test_a_training_becomes_a_session_that_can_be_played_with(place):
    training = place.start(paused=True)
    assert training.session_id.startswith("live-")
    assert len(training.session_id) > 25
    assert place.offered[training.session_id] is None
    place.until(lambda: training.state == "paused")
    assert place.offered[training.session_id] is None  # before the first step
    place.call(place.trainings.step, training.session_id)
    place.until(lambda: training.step == 1 and training.run is not None)
    assert place.offered[training.session_id].steps == [0, 1]
    place.call(place.trainings.resume, training.session_id)
    place.until(ended(training))
    assert training.state == "done"
    run = place.offered[training.session_id]
    assert run.steps == [0, 10, 12]
    assert load_model(run, None, max_bytes=2**20)
    assert training.evaluations[-1].step == 12
    assert training.baselines.uniform > training.baselines.bigram


def test_ten_at_once_queue_in_order_and_see_their_place(place):
    trainings = [place.start(speed=100.0) for _ in range(10)]
    waiting = [t for t in trainings if t.state == "queued"]
    assert len(waiting) == 8
    position, estimate = place.trainings.position, place.trainings.estimate_seconds
    assert [place.call(position, t) for t in waiting] == list(range(1, 9))
    estimates = [place.call(estimate, t) for t in waiting]
    assert estimates == sorted(estimates)
    assert estimates[0] > 0

    def all_done():
        assert sum(t.pid is not None for t in trainings) <= 2
        has_begun = [t.state != "queued" for t in trainings]
        assert has_begun == sorted(has_begun, reverse=True)  # none before those ahead of it
        return all(t.state == "done" for t in trainings)

    place.until(all_done)


def test_one_at_a_time_for_a_visitor(place):
    first = place.start("me", paused=True)
    with pytest.raises(TrainingConflict, match="under way"):
        place.start("me")
    place.call(place.trainings.stop, first.session_id)
    place.until(ended(first))
    second = place.start("me", paused=True)
    assert place.trainings.of_visitor("me") == [first, second]
    with pytest.raises(TrainingConflict, match="another"):
        place.call(place.trainings.resume, first.session_id)
    assert place.trainings.of_visitor("you") == []


def test_a_full_queue_refuses_and_a_place_in_it_can_be_left(place, limits):
    limits(training_queue=1, trainings_max=1)
    running, waiting = place.start(paused=False, steps=5000), place.start(steps=5000)
    with pytest.raises(TooManyTrainings):
        place.start()
    place.call(place.trainings.stop, waiting.session_id)
    assert waiting.state == "stopped"
    place.start()
    assert running.state in ("starting", "training")


def losses(place):
    training = place.start()
    place.until(ended(training))
    return training.losses


def test_paused_stopped_parked_and_resumed_it_is_the_very_same_run(place, limits):
    expected = losses(place)
    limits(trainings_max=1)
    training = place.start(paused=True)
    for step in (1, 2):
        place.until(lambda: training.state == "paused" and training.pid is not None)
        place.call(place.trainings.step, training.session_id)
        place.until(lambda step=step: training.step == step)
    place.until(lambda: training.state == "paused")
    place.call(place.trainings.stop, training.session_id)
    place.until(ended(training))
    place.call(place.trainings.step, training.session_id)  # in a new process
    place.until(lambda: training.step == 3 and training.state == "paused")
    other = place.start()  # takes the place of the one that only waits
    place.until(ended(other))
    assert training.state == "paused"
    assert training.pid is None
    place.call(place.trainings.resume, training.session_id)
    place.until(ended(training))
    assert training.losses == other.losses == expected


def test_paused_means_that_no_update_comes_any_more(place):
    training = place.start(steps=5000)
    for _ in range(3):
        place.until(lambda at=training.step: training.step > at)
        place.call(place.trainings.pause, training.session_id)
        assert training.state == "pausing"
        place.call(place.trainings.pause, training.session_id)
        place.until(lambda: training.state == "paused")
        at = training.step
        assert training.run.steps[-1] == at
        place.do(asyncio.sleep(0.3))
        assert training.step == at
        place.call(place.trainings.resume, training.session_id)


def test_one_who_changes_their_mind_while_it_pauses_is_followed(place):
    training = place.start(steps=5000)
    place.until(lambda: training.step > 0)
    place.call(place.trainings.pause, training.session_id)
    place.call(place.trainings.resume, training.session_id)
    at = training.step
    place.until(lambda: training.step > at + 50)
    assert training.state == "training"


def test_a_killed_process_is_noticed_told_and_gone_on_from(place):
    expected = losses(place)
    training = place.start(speed=20.0)
    place.until(lambda: training.step >= 3)
    began = time.monotonic()
    os.kill(training.pid, signal.SIGKILL)
    place.until(ended(training))
    assert time.monotonic() - began < 10
    assert training.state == "failed"
    assert "killed" in str(training.note)
    assert load_model(training.run, None, max_bytes=2**20)  # the last checkpoint is kept
    place.call(place.trainings.set_speed, training.session_id, None)
    place.call(place.trainings.resume, training.session_id)
    place.until(ended(training))
    assert training.state == "done"
    assert training.losses == expected


def test_what_cannot_be_done_now_is_refused(place):
    training = place.start()
    place.until(ended(training))
    for action in (place.trainings.pause, place.trainings.resume, place.trainings.step,
                   place.trainings.stop):  # fmt: skip
        with pytest.raises(TrainingConflict):
            place.call(action, training.session_id)
    with pytest.raises(SessionNotFound):
        place.call(place.trainings.stop, "live-nobody")


def test_nobody_looking_ends_it_and_then_removes_it(place, limits):
    training = place.start(steps=5000)
    place.until(lambda: training.step > 0)
    limits(training_idle_seconds=0.2, training_keep_seconds=3.0)
    place.until(ended(training))
    assert training.state == "stopped"
    assert "nobody was looking" in str(training.note)
    assert training.session_id in place.offered
    place.until(lambda: training.session_id not in place.offered)
    place.until(lambda: not training.folder.exists())
    with pytest.raises(SessionNotFound):
        place.call(place.trainings.get, training.session_id)


def test_looking_and_playing_keep_it_going(place, limits):
    limits(training_idle_seconds=1.0)
    training = place.start(steps=5000)
    for look in (place.trainings.get, place.trainings.touch):
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            place.call(look, training.session_id)
            place.do(asyncio.sleep(0.1))
    assert training.state == "training"


def test_keep_rename_download_upload_delete(place, tmp_path):
    training = place.start()
    place.until(ended(training))
    place.call(place.trainings.rename, training.session_id, "Cats 😀")
    assert place.offered[training.session_id].config.name == "Cats 😀"
    path = place.do(place.trainings.download(training.session_id))
    with path.open("rb") as file:
        again = place.do(place.trainings.upload("somebody-else", file))
    assert again.session_id != training.session_id
    run = place.offered[again.session_id]
    assert run.config.name == "Cats 😀"
    assert run.steps == training.run.steps
    assert read_run(run.folder).vocabulary.characters == training.vocabulary.characters
    assert TEXT.encode() not in path.read_bytes()
    for one in (training, again):
        place.do(place.trainings.delete(one.session_id))
        assert not one.folder.exists()
        assert one.session_id not in place.offered


def test_a_refused_upload_leaves_nothing(place, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK")
    root = place.call(place.trainings.prepare)
    with (tmp_path / "bad.zip").open("rb") as file, pytest.raises(Exception, match="not a zip"):
        place.do(place.trainings.upload("me", file))
    assert list(root.iterdir()) == []


def test_a_text_too_short_for_the_context_is_refused(place):
    plan = partial(make_plan, preset="quick-15k", teraflops_max=20.0)
    with pytest.raises(InvalidInput, match="too few for a context of 128"):
        place.do(
            place.trainings.start("me", "text", "ab" * 60, partial(plan, model={"block_size": 128}))
        )
    with pytest.raises(InvalidInput, match="goes with"):
        place.do(place.trainings.start("me", "docs", TEXT, plan))


def test_a_visitor_keeps_eight_and_named_ones_longest(place):
    first = place.start("me", steps=1)
    place.until(ended(first))
    place.call(place.trainings.rename, first.session_id, "Keep me")
    for _ in range(8):
        place.until(ended(place.start("me", steps=1)))
    own = place.trainings.of_visitor("me")
    assert len(own) == 8
    assert own[0] is first


def rss_kb():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def n_open_files():
    return len(os.listdir("/proc/self/fd"))


def n_alive():
    gc.collect()
    return sum(type(found) is TrainingJob for found in gc.get_objects())


def test_fifty_trainings_leave_nothing_behind(place):
    root = place.call(place.trainings.prepare)
    alive_before = n_alive()  # other tests' may not have been collected

    def one(i):
        training = place.start(steps=2)
        if i % 5 == 0:
            place.until(ended(training))
            assert training.state == "done"
        else:  # in the middle of its work
            place.until(lambda: training.baselines is not None)
        place.do(place.trainings.delete(training.session_id))

    for i in range(10):
        one(i)
    before = rss_kb(), n_open_files()
    for i in range(50):
        one(i)
    assert n_alive() <= alive_before + 1  # the last one that the cleanup looked at
    assert rss_kb() - before[0] < 5_000
    assert n_open_files() <= before[1]
    assert list(root.iterdir()) == []
    assert place.offered == {}
    assert place.trainings._workers == {}


SERVER = """
import asyncio, sys
from functools import partial
from playground.training.plans import make_plan
from playground.training.scheduler import TrainingScheduler
from playground.settings import Settings

async def main():
    trainings = TrainingScheduler(Settings(), lambda *_: None, lambda *_: None)
    plan = partial(make_plan, preset="quick-15k", teraflops_max=20.0, steps=20000, batch_size=1)
    both = [await trainings.start(f"v{i}", "docs", None, plan, paused=i > 0) for i in range(2)]
    while any(t.pid is None for t in both) or not both[0].step:
        await asyncio.sleep(0.01)
    pids = [t.pid for t in both] + [trainings._fork_server._process.pid]
    print(*pids, trainings.prepare(), flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


def is_running(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_killing_the_server_leaves_no_process_and_no_files():
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with server:
        *pids, root = server.stdout.readline().split()
        assert len(pids) == 3
        assert all(map(is_running, pids))
        server.kill()
    for _ in range(200):
        if not any(map(is_running, pids)) and not Path(root).exists():
            break
        time.sleep(0.05)
    assert not any(map(is_running, pids))
    assert not Path(root).exists()


def test_a_worker_that_cannot_be_followed_fails_its_job_and_holds_no_place(place, monkeypatch):
    async def broken():
        raise ValueError("Separator is not found, and chunk exceed the limit")

    with monkeypatch.context() as patch:
        place.call(place.trainings.prepare)
        patch.setattr(place.trainings._fork_server, "spawn", broken)
        failed = place.start("me")
        place.until(ended(failed))
    assert failed.state == "failed"
    assert not failed.is_active
    place.until(ended(place.start("me", steps=1)))


def test_an_upload_that_is_refused_costs_nobody_a_model(place, limits):
    kept = place.start("me", steps=1)
    place.until(ended(kept))
    limits(trainings_kept=1)
    with pytest.raises(BadCheckpoint, match="not a zip"):
        place.do(place.trainings.upload("me", io.BytesIO(b"PK")))
    assert place.trainings.of_visitor("me") == [kept]
