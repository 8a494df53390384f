"""The training process: what it tells, what it writes, and that it ends when it should."""

import asyncio
import contextlib
import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from playground.lm.learning import TrainingParams
from playground.settings import ROOT
from playground.tokenization.byte_pairs import BytePairTokenizer
from playground.training.fork_server import ForkServer
from playground.training.presets import PRESETS
from playground.training.protocol import TrainJob
from playground.training.worker import state_path

TEXT = "the cat sat on the mat and the dog ran to the cat.\n" * 40
TINY = {"block_size": 16, "n_layer": 1, "n_head": 1, "n_embd": 16, "n_hidden": 32, "n_offset": 2}
PARAMS = TrainingParams(steps=25, batch_size=4, seed=7, dropout=0.1)
WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def spawner(tmp_path_factory):
    spawner = ForkServer(tmp_path_factory.mktemp("trainings"))
    spawner.prepare()
    yield spawner
    spawner.close()


@pytest.fixture
def job(tmp_path):
    text_path = tmp_path / "text.txt"
    text_path.write_text(TEXT)
    (tmp_path / "run" / ".job").mkdir(parents=True)
    return TrainJob(
        folder=str(tmp_path / "run"),
        corpus="text",
        text_path=str(text_path),
        model=TINY,
        params=dataclasses.asdict(PARAMS),
        memory_bytes=2**31,
    )


class Process:
    """The server's side of a process: `tell` it, and `hear` what it says until something."""

    def __init__(self, connection):
        self.reader, self.writer = connection
        self.said = []

    @property
    def pid(self):
        return self.said[0]["pid"]

    def tell(self, **message):
        self.writer.write(json.dumps(message).encode() + b"\n")

    async def hear(self, until=lambda message: False):
        """The message for which `until` is true; None if the process ends before."""
        with contextlib.suppress(ConnectionError):
            async for line in self.reader:
                self.said.append(json.loads(line))
                if until(self.said[-1]):
                    return self.said[-1]
        self.writer.close()
        return None

    def all(self, kind):
        return [message for message in self.said if message["kind"] == kind]

    @property
    def rows(self):
        return [tuple(row) for message in self.all("updates") for row in message["rows"]]


def play(spawner, job, scene=None):
    """Start a process, give it a job, let `scene` act, hear it to its end."""

    async def whole():
        process = Process(await spawner.spawn())
        process.tell(**dataclasses.asdict(job))
        if scene is not None:
            await scene(process)
        await process.hear()
        return process

    return asyncio.run(asyncio.wait_for(whole(), WAIT_SECONDS))


def kind(name):
    return lambda message: message["kind"] == name


@pytest.fixture
def whole(spawner, job, tmp_path):
    """An uninterrupted run of the same job: (losses, final weights)."""
    other = tmp_path / "whole"
    (other / ".job").mkdir(parents=True)
    process = play(spawner, dataclasses.replace(job, folder=str(other)))
    return process.rows, weights(other, PARAMS.steps)


def weights(folder, step):
    return load_file(Path(folder) / f"checkpoints/step-{step:06}/model.safetensors")


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def gone(pid):
    for _ in range(100):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):  # the second when it ends while it is read
            return True
        if "\nState:\tZ" in status:
            return True
        time.sleep(0.05)
    return False


def test_what_it_tells_and_writes(spawner, job):
    process = play(spawner, job)
    assert [message["kind"] for message in process.said[:3]] == ["started", "ready", "evaluation"]
    ready = process.said[1]
    assert ready["vocabulary"] == "".join(sorted(set(TEXT)))
    assert ready["baselines"]["uniform"] == pytest.approx(math.log(len(set(TEXT))))
    rows = process.rows
    assert [step for step, _, _ in rows] == list(range(1, 26))
    assert rows[0][1] == pytest.approx(math.log(len(set(TEXT))), abs=1e-5)
    assert rows[-1][1] < rows[0][1]
    evaluated = [message["step"] for message in process.all("evaluation")]
    assert evaluated == [0, 5, 10, 20, 25]
    assert all(len(m["greedy"]) == len(m["sampled"]) == 80 for m in process.all("evaluation"))
    written = [message["entry"]["step"] for message in process.all("checkpoint")]
    assert {0, 1, 10, 25} <= set(written)
    for step in (0, 10, 25):
        assert weights(job.folder, step)
    assert process.said[-1] == {"kind": "end", "why": "done", "reason": ""}
    assert gone(process.pid)


def test_a_server_that_has_left_before_the_start_is_no_error():
    script = """
import socket
from playground.training.worker import run_worker
ours, theirs = socket.socketpair()
theirs.close()
run_worker(ours)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_word_pieces_are_learned_first_and_losses_are_those_of_characters(spawner, job):
    process = play(spawner, dataclasses.replace(job, vocab_size=280))
    kinds = [message["kind"] for message in process.said[:4]]
    assert kinds == ["started", "tokenizer", "ready", "evaluation"]
    _, learned, ready, first = process.said[:4]
    text = TEXT[: int(0.9 * len(TEXT))]
    tokenizer = BytePairTokenizer.learn(text, 280)
    assert (Path(job.folder) / "tokenizer.json").read_bytes() == tokenizer.content
    assert learned["merges"] == [[m.left, m.right, m.count] for m in tokenizer.merges(text)]
    assert ready["vocabulary"] is None
    assert ready["vocab_size"] == len(tokenizer)
    assert ready["baselines"]["uniform"] == pytest.approx(math.log(len(set(TEXT))))
    held_out = TEXT[len(text) :]
    ids = tokenizer.encode(held_out)
    each = len(tokenizer.decode(ids[1:])) / (len(ids) - 1)
    assert ready["characters_per_token"] == pytest.approx(each)
    assert first["val_loss"] == pytest.approx(math.log(len(tokenizer)) / each)
    n_learned = len(tokenizer.encode(text))
    assert process.rows[0][1] == pytest.approx(
        math.log(len(tokenizer)) * n_learned / len(text), abs=1e-5
    )
    assert process.rows[-1][1] < process.rows[0][1]
    assert process.said[-1]["why"] == "done"


def test_word_pieces_stopped_and_gone_on_are_the_very_same_run(spawner, job, tmp_path):
    async def scene(process):
        await process.hear(kind("paused"))
        process.tell(do="stop")

    job = dataclasses.replace(job, vocab_size=280)
    (tmp_path / "whole" / ".job").mkdir(parents=True)
    whole = play(spawner, dataclasses.replace(job, folder=str(tmp_path / "whole")))
    first = play(spawner, dataclasses.replace(job, paused=True, steps=12), scene)
    second = play(spawner, job)
    assert first.rows + second.rows == whole.rows
    assert same(weights(job.folder, 25), weights(tmp_path / "whole", 25))


def test_a_text_of_too_few_word_pieces_is_told_as_such(spawner, job):
    Path(job.text_path).write_text("the very same words once more. " * 12)
    process = play(
        spawner, dataclasses.replace(job, vocab_size=1000, model=TINY | {"block_size": 128})
    )
    assert process.said[-1]["why"] == "short"


LEARN = """
import sys, torch
from playground.lm.model import Transformer, ModelConfig
from playground.lm.learning import Trainer, TrainingParams
from playground.training.worker import preload
preload()
for optimizer in ("muon", "adamw"):
    model = Transformer(ModelConfig(2))
    trainer = Trainer(model, torch.arange(200) % 2, TrainingParams(optimizer=optimizer))
    trainer.update()
    trainer.load_state_dict(trainer.state_dict())
    trainer.update()
print(*(name for name in sys.modules if name.startswith("torch._dynamo.")))
"""


def test_the_first_visitor_does_not_wait_for_a_compiler():
    told = subprocess.run(
        [sys.executable, "-c", LEARN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == []


def test_torch_still_imports_its_compiler_for_an_optimizer():
    script = "import sys, torch; torch.optim.AdamW([torch.ones(1, requires_grad=True)]).step(); "
    script += "print('torch._dynamo' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "True", "stub_torch_compiler is no longer needed"


def test_it_is_modest(spawner, job):
    async def scene(process):
        await process.hear(kind("paused"))
        assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 10
        process.tell(do="stop")

    play(spawner, dataclasses.replace(job, paused=True), scene)


def test_single_steps_and_pauses_make_the_very_same_run(spawner, job, whole):
    async def scene(process):
        await process.hear(kind("paused"))
        for step in range(1, 4):
            process.tell(do="step")
            await process.hear(kind("paused"))
            assert process.rows[-1][0] == step
            assert process.all("checkpoint")[-1]["entry"]["step"] == step
        process.tell(do="resume")
        await process.hear(kind("updates"))
        process.tell(do="pause")
        await process.hear(kind("paused"))
        process.tell(do="resume")

    process = play(spawner, dataclasses.replace(job, paused=True), scene)
    assert process.rows == whole[0]
    assert same(weights(job.folder, 25), whole[1])


def test_stopped_and_gone_on_in_another_process_it_is_the_very_same_run(spawner, job, whole):
    async def scene(process):
        await process.hear(kind("paused"))
        process.tell(do="stop")

    first = play(spawner, dataclasses.replace(job, paused=True, steps=12), scene)
    assert first.said[-1]["why"] == "stopped"
    assert len(first.rows) == 12
    second = play(spawner, job)
    assert second.said[1]["step"] == 12
    assert first.rows + second.rows == whole[0]
    assert same(weights(job.folder, 25), whole[1])


def test_killed_it_goes_on_from_what_it_saved(spawner, job, whole):
    async def scene(process):
        await process.hear(kind("paused"))
        process.tell(do="speed", steps_per_second=20)
        process.tell(do="resume")
        await process.hear(kind("updates"))
        os.kill(process.pid, signal.SIGKILL)

    first = play(spawner, dataclasses.replace(job, paused=True, steps=7), scene)
    assert not first.all("end")
    second = play(spawner, job)
    start = second.said[1]["step"]
    assert start >= 7
    assert second.rows == whole[0][start:]
    assert same(weights(job.folder, 25), whole[1])


def test_it_goes_at_the_speed_it_is_told(spawner, job):
    async def scene(process):
        await process.hear(lambda m: m["kind"] == "updates" and m["rows"][-1][0] >= 2)
        began = time.monotonic()
        await process.hear(lambda m: m["kind"] == "updates" and m["rows"][-1][0] >= 6)
        assert time.monotonic() - began > 0.2
        process.tell(do="speed", steps_per_second=None)

    process = play(spawner, dataclasses.replace(job, steps_per_second=10.0), scene)
    assert process.said[-1]["why"] == "done"


def test_only_milestones_and_the_latest_weights_stay(spawner, job):
    async def scene(process):
        for _ in range(17):
            await process.hear(kind("paused"))
            process.tell(do="step")
        await process.hear(kind("paused"))
        process.tell(do="stop")

    play(spawner, dataclasses.replace(job, paused=True), scene)
    kept = {path.name for path in Path(job.folder, "checkpoints").iterdir()}
    assert kept == {f"step-{step:06}" for step in (0, 10, 15, 16, 17)}


def test_a_loss_that_is_no_number_ends_it_and_spares_the_last_weights(spawner, job):
    params = dataclasses.asdict(PARAMS) | {"matrix_lr": 1e38, "lr": 1e38}
    process = play(spawner, dataclasses.replace(job, params=params))
    assert process.said[-1] == {"kind": "end", "why": "diverged", "reason": ""}
    last = process.all("checkpoint")[-1]["entry"]["step"]
    assert all(tensor.isfinite().all() for tensor in weights(job.folder, last).values())


def test_memory_that_runs_out_ends_it(spawner, job):
    params = dataclasses.asdict(PARAMS) | {"batch_size": 100_000}
    greedy = dataclasses.replace(job, params=params, memory_bytes=800 * 2**20)
    assert play(spawner, greedy).said[-1] == {"kind": "end", "why": "memory", "reason": ""}


def test_what_is_wrong_inside_is_told(spawner, job):
    process = play(spawner, dataclasses.replace(job, text_path="/nowhere"))
    assert process.said[-1]["why"] == "failed"
    assert "No such file" in process.said[-1]["reason"]


@pytest.mark.parametrize("paused", [True, False])
def test_it_ends_when_nobody_is_there_to_listen(spawner, job, paused):
    async def scene(process):
        await process.hear(kind("paused" if paused else "updates"))
        process.writer.close()
        assert await asyncio.to_thread(gone, process.pid)

    params = dataclasses.asdict(PARAMS) | {"steps": 10_000}
    play(spawner, dataclasses.replace(job, paused=paused, params=params), scene)


def test_it_learns_to_add(spawner, job):
    recipe = PRESETS["quick-100k"]
    params = dataclasses.replace(recipe.params, steps=250)
    process = play(
        spawner,
        dataclasses.replace(
            job, corpus="arithmetic", text_path=None, model=recipe.model,
            params=dataclasses.asdict(params),
        ),
    )  # fmt: skip
    accuracies = [
        sum(answer == said for _, answer, said in message["answers"]) / len(message["answers"])
        for message in process.all("evaluation")
    ]
    assert accuracies[0] == 0
    assert accuracies[-1] > 0.1
    assert not [*state_path(Path(job.folder)).parent.glob("*.partial")]


def test_the_last_step_is_evaluated_and_its_weights_have_that_loss(spawner, job):
    """Also where a checkpoint is due by the clock at that very step: each takes its second here."""
    params = dataclasses.asdict(PARAMS) | {"steps": 7}
    process = play(spawner, dataclasses.replace(job, params=params, steps_per_second=0.9))
    assert [one["step"] for one in process.all("evaluation")][-1] == 7
    last = process.all("checkpoint")[-1]["entry"]
    assert last["step"] == 7
    assert last["val_loss"] == process.all("evaluation")[-1]["val_loss"]
