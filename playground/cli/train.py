"""Train a model on a text file: `python -m playground.train --text FILE --out models/NAME`.

Writes a checkpoint folder for the page. A run that was interrupted or killed is continued by the
same command with --resume, and results in the same weights. The command is deterministic (on the
same kind of machine).
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from tqdm import tqdm

from playground.checkpoints.folder import write_run
from playground.checkpoints.ignored_files import is_ignored_file
from playground.checkpoints.model_card import model_card, unit
from playground.checkpoints.schema import (
    CheckpointEntry,
    RunConfig,
    weights_path,
)
from playground.checkpoints.weights import write_tensors, write_weights
from playground.cli.command import run_command
from playground.cli.train_job import Job, create_parser, make_job
from playground.errors import CommandError
from playground.lm.learning import Trainer, validation_loss
from playground.lm.model import Transformer
from playground.lm.scoring import sliding_validation_loss
from playground.lm.tokenizer import characters_per_token
from playground.training.corpora import item_starts
from playground.training.milestones import checkpoint_steps

SAVE_EVERY_STEPS = 20  # a resumed run repeats fewer updates than this


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when the model is written, 2 for input that cannot be used, 130 if stopped."""
    return run_command(
        lambda: _train(create_parser(__doc__).parse_args(argv)),
        stopped="Stopped. The same command with --resume goes on from here.",
    )


def _train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    job = make_job(args)
    trainer, entries = _begin(job, args.resume)
    _run(job, trainer, entries)
    last = entries[-1]
    print(f"{job.out}: {job.config.n_params:,} parameters, step {last.step}, "
          f"validation loss {last.val_loss:.4f} nats per character"
          f"{_per_token(last.val_loss, job.run_config)}")  # fmt: skip


def window_starts(ids: Tensor, newline: int) -> Tensor:
    """Where windows begin in a list of items: half of the time at an item's start, else anywhere.

    Prompts are starts of items, which are rare among all positions of the text.
    """
    anywhere = torch.arange(len(ids))
    items = torch.from_numpy(item_starts(ids.numpy(), newline))
    return torch.cat([anywhere, items.repeat(max(1, round(len(ids) / len(items))))])


def _begin(job: Job, resume: bool) -> tuple[Trainer, list[CheckpointEntry]]:
    """Start a new run or load the interrupted one. Raises CommandError if --out prevents it."""
    model = Transformer(job.config, seed=job.params.seed)
    starts = None
    if job.lines:
        starts = window_starts(job.train, job.vocabulary.encode("\n")[0])
    trainer = Trainer(model, job.train, job.params, starts)
    if resume:
        return trainer, _load_state(job, trainer)
    if job.state_path.exists():
        raise CommandError(f"{job.out} holds an unfinished run: add --resume, or remove it.")
    if job.out.exists() and not _is_empty(job.out):
        raise CommandError(f"{job.out} is there already: choose another --out, or remove it.")
    job.out.mkdir(parents=True, exist_ok=True)
    if not os.access(job.out, os.W_OK):
        raise CommandError(f"{job.out} cannot be written to: choose another --out.")
    return trainer, []


def _is_empty(folder: Path) -> bool:
    """Whether it is a folder with nothing in it but what operating systems leave."""
    return folder.is_dir() and all(is_ignored_file(path.name) for path in folder.iterdir())


def _run(job: Job, trainer: Trainer, entries: list[CheckpointEntry]) -> None:
    """Train to the end, adding to `entries`, and write the folder."""
    wanted = checkpoint_steps(job.params.steps)
    progress = tqdm(total=job.params.steps, initial=trainer.step, unit="step", mininterval=0.5)
    with progress:
        while True:
            step = trainer.step
            if step in wanted and step not in [entry.step for entry in entries]:
                entries.append(_write_checkpoint(job, trainer))
                progress.set_description(f"validation loss {entries[-1].val_loss:.3f}")
                _save_state(job, trainer, entries)
            elif step % SAVE_EVERY_STEPS == 0:
                _save_state(job, trainer, entries)
            if step == job.params.steps:
                break
            update = trainer.update()
            progress.set_postfix(loss=f"{update.loss:.3f}", refresh=False)
            progress.update()
    write_run(job.out, job.run_config, job.vocabulary, entries, _card(job, entries))
    shutil.rmtree(job.state_path.parent)


def _write_checkpoint(job: Job, trainer: Trainer) -> CheckpointEntry:
    """Write weights, with training and validation loss over equally many tokens."""
    step, validation = trainer.step, job.validation
    model = _rounded(trainer.model, job.dtype)  # as it will be read
    learned, block_size = job.train[: len(validation)], job.config.block_size
    n_learned, n_held_out = (
        characters_per_token(job.vocabulary, part[1:].tolist()) for part in (learned, validation)
    )
    final = step == job.params.steps
    sliding_val_loss = None
    if final or job.config.is_sliding:  # else a forward of the window for each token
        sliding_val_loss = sliding_validation_loss(model, validation) / n_held_out
    return write_weights(
        job.out,
        weights_path(step, final=final),
        model,
        step=step,
        tokens=step * job.params.batch_size * job.config.block_size,
        train_loss=validation_loss(model, learned, block_size) / n_learned,
        val_loss=validation_loss(model, validation, block_size) / n_held_out,
        sliding_val_loss=sliding_val_loss,
        dtype=job.dtype,
    )


@torch.no_grad()
def _rounded(model: Transformer, dtype: torch.dtype) -> Transformer:
    """A copy with the weights as a file of a dtype keeps them."""
    model = copy.deepcopy(model)
    for weight in model.parameters():
        weight.copy_(weight.to(dtype))
    return model


def _save_state(job: Job, trainer: Trainer, entries: list[CheckpointEntry]) -> None:
    """Replace the state file atomically: a run can be killed at any time."""
    metadata = {
        "job": job.identity,
        "entries": json.dumps([entry.model_dump() for entry in entries]),
    }
    write_tensors(job.state_path, trainer.state_dict(), metadata)


def _load_state(job: Job, trainer: Trainer) -> list[CheckpointEntry]:
    path = job.state_path
    if not path.exists():
        raise CommandError(f"{job.out} holds no unfinished run to resume.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CommandError(f"{path} cannot be read: {error}.") from None
    if metadata.get("job") != job.identity:
        raise CommandError(f"{job.out} was begun with another text or other options.")
    trainer.load_state_dict(state)
    return [CheckpointEntry(**entry) for entry in json.loads(metadata["entries"])]


def _per_token(nats: float | None, config: RunConfig) -> str:
    """A loss in nats per character as one per token, where that is not the same."""
    n = config.characters_per_token
    return f" ({nats * n:.4f} per token)" if n is not None and nats is not None else ""


def _card(job: Job, entries: Sequence[CheckpointEntry]) -> str:
    """The model card: origin, losses, and the command that reproduces the model."""
    last, run = entries[-1], job.run_config
    tokens, size = unit(run), job.config.block_size
    assert last.val_loss is not None
    assert last.sliding_val_loss is not None
    bits = last.sliding_val_loss / math.log(2)
    return model_card(
        run,
        job.config,
        entries,
        licence="mit",
        origin=f"""\
Learned from {run.corpus} in {last.step:,} updates, which showed it {last.tokens:,} {tokens} \
(repeats included).

**Validation loss: {last.val_loss:.4f} nats per character**{_per_token(last.val_loss, run)}, \
over the whole last 10 % of the text, in non-overlapping windows of {size} {tokens}, \
every {tokens[:-1]} predicted once. The training loss is measured in the same way \
on the first {tokens} of the other 90 %, as many.

**With a sliding window: {last.sliding_val_loss:.4f}**{_per_token(last.sliding_val_loss, run)}, \
on the same {tokens}, each predicted from the last {size} before it, as when the model writes. \
That is **{bits:.3f} bits per character**, by which models of any tokens can be compared.""",
        notes=f"""\
Made with

```sh
{run.command}
```

`python -m playground.evaluate` computes these losses anew from the weights.""",
    )


if __name__ == "__main__":
    sys.exit(main())
