"""Train a model on a text file: `python -m playground.train --text FILE --out models/NAME`.

Writes a checkpoint folder for the page. A run that was interrupted or killed is continued by the
same command with --resume, and results in the same weights. The command is deterministic (on the
same kind of machine).
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from tqdm import tqdm

from playground.checkpoints.folder import write_run
from playground.checkpoints.ignored_files import is_ignored_file
from playground.checkpoints.model_card import model_card, unit
from playground.checkpoints.schema import (
    NAME_MAX,
    CheckpointEntry,
    RunConfig,
    SamplingDefaults,
    weights_path,
)
from playground.checkpoints.weights import write_tensors, write_weights
from playground.cli.command import (
    THREADS_MAX,
    CommandParser,
    file_path,
    run_command,
    whole_number,
)
from playground.cli.corpus import read_corpus
from playground.errors import CommandError
from playground.lm.learning import Trainer, TrainingParams, validation_loss
from playground.lm.model import ModelConfig, Transformer
from playground.lm.sampling import TEMPERATURE_MAX
from playground.lm.scoring import sliding_validation_loss
from playground.lm.tokenizer import Tokenizer, characters_per_token
from playground.lm.vocabulary import Vocabulary
from playground.tokenization.byte_pairs import VOCAB_SIZE, VOCAB_SIZES, BytePairTokenizer
from playground.training.corpora import Corpus, TokenizerName, in_word_pieces, item_starts
from playground.training.milestones import checkpoint_steps
from playground.training.presets import PRESETS

_COUNT = whole_number(1, 10**6)
SAVE_EVERY_STEPS = 20  # a resumed run repeats fewer updates than this


@dataclass(frozen=True, slots=True)
class Job:
    """The validated command line. train, validation: token ids (N,)."""

    out: Path
    vocabulary: Vocabulary | BytePairTokenizer
    train: Tensor
    validation: Tensor
    text_sha256: str
    config: ModelConfig
    params: TrainingParams
    run_config: RunConfig
    lines: bool
    dtype: torch.dtype

    @property
    def identity(self) -> str:
        """Text, model and training parameters as JSON; a run is resumed only where it is equal."""
        parts: tuple[object, ...] = (self.text_sha256, self.lines)
        settings = (dataclasses.asdict(self.config), dataclasses.asdict(self.params))
        if isinstance(self.vocabulary, BytePairTokenizer):
            parts = (*parts, self.vocabulary.identity)
        if self.dtype != torch.float32:
            parts = (*parts, str(self.dtype))
        return json.dumps([*parts, *settings], sort_keys=True)

    @property
    def state_path(self) -> Path:
        return self.out / ".resume" / "training-state.safetensors"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when the model is written, 2 for input that cannot be used, 130 if stopped."""
    return run_command(
        lambda: _train(_parser().parse_args(argv)),
        stopped="Stopped. The same command with --resume goes on from here.",
    )


def _train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    job = _job(args)
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


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("python -m playground.train", description=__doc__)
    add = parser.add_argument
    add("--text", type=file_path, required=True, help="the text to learn from: UTF-8, or "
        "UTF-16 or UTF-32 with a byte order mark")  # fmt: skip
    add("--out", type=file_path, required=True, help="folder to write, such as models/NAME")
    add("--preset", choices=sorted(PRESETS), default="small")
    add("--tokenizer", choices=get_args(TokenizerName), default="characters", help="what a token "
        "is: a character, or a word piece of byte-level BPE, learned from the text")  # fmt: skip
    add("--vocab-size", type=whole_number(*VOCAB_SIZES), help="most tokens that --tokenizer bpe "
        f"learns, the 256 bytes among them; default: {VOCAB_SIZE}")  # fmt: skip
    add("--steps", type=_COUNT, help="updates to make; default: the preset's")
    add("--batch-size", type=_COUNT, help="windows in an update; default: the preset's")
    add("--seed", type=int, help="default: the preset's")
    add("--lines", action="store_true", help="the text is a list: shuffle its lines, and let an "
        "item end with its line")  # fmt: skip
    add("--float16", action="store_true", help="write weights of 16 bits: files of half the size")
    add("--resume", action="store_true", help="go on with a run that was stopped")
    add("--name", help="default: the name of the folder")
    add("--corpus", help="what the text is called; default: its file name")
    add("--description", default="", help="what the model is good for, in a sentence")
    add("--prompt", default="", help="an example of what to begin with")
    add(
        "--temperature",
        type=_temperature,
        help="that suits the model best; default: the top choice",
    )
    add("--threads", type=whole_number(1, THREADS_MAX), default=1)
    return parser


def _temperature(text: str) -> float:
    try:
        return SamplingDefaults(temperature=float(text)).temperature
    except ValueError:
        message = f"a number above 0 and at most {TEMPERATURE_MAX:g} is needed"
        raise argparse.ArgumentTypeError(message) from None


def _job(args: argparse.Namespace) -> Job:
    preset = PRESETS[args.preset]
    changes = {"steps": args.steps, "batch_size": args.batch_size, "seed": args.seed}
    try:
        params = dataclasses.replace(
            preset.params, **{key: value for key, value in changes.items() if value is not None}
        )
    except ValueError as error:
        raise CommandError(str(error)) from None
    corpus, sha256 = _corpus(args, params.seed)
    config = preset.config(len(corpus.vocabulary))
    if len(corpus.train) <= config.block_size or len(corpus.validation) < 2:
        n, unit = len(corpus.train) + len(corpus.validation), corpus.vocabulary.kind
        raise CommandError(
            f"{args.text} has {n} {unit}; at least {config.block_size * 2} are needed."
        )
    run_config = RunConfig(
        format=1,
        name=args.name or _folder_name(args.out),
        description=args.description,
        corpus=args.corpus or args.text.name,
        prompt=args.prompt,
        sampling=args.temperature and SamplingDefaults(temperature=args.temperature),
        end_token="\n" if args.lines else None,
        characters_per_token=_characters_per_token(corpus),
        command=_command(args),
        seed=params.seed,
        model=dataclasses.asdict(config),
    )
    return Job(
        out=args.out,
        vocabulary=corpus.vocabulary,
        train=torch.from_numpy(corpus.train),
        validation=torch.from_numpy(corpus.validation),
        text_sha256=sha256,
        config=config,
        params=params,
        run_config=run_config,
        lines=args.lines,
        dtype=torch.float16 if args.float16 else torch.float32,
    )


def _folder_name(out: Path) -> str:
    """The name of a model that was given none. Raises CommandError where it cannot be one."""
    name = out.resolve().name
    if len(name) > NAME_MAX:
        raise CommandError(
            f"The name of the folder --out has {len(name)} characters, and a model's at most "
            f"{NAME_MAX}: give the model a shorter one with --name."
        )
    return name


def _corpus(
    args: argparse.Namespace, seed: int
) -> tuple[Corpus[Vocabulary] | Corpus[BytePairTokenizer], str]:
    """The text in the tokens that were chosen, and its sha256. Raises CommandError."""
    corpus, sha256 = read_corpus(args.text, lines=args.lines, seed=seed)
    if args.tokenizer == "bpe":
        return in_word_pieces(corpus, args.vocab_size or VOCAB_SIZE), sha256
    if args.vocab_size is not None:
        raise CommandError("--vocab-size goes with --tokenizer bpe: characters are all learned.")
    if unknown := corpus.vocabulary.unknown(args.prompt):
        raise CommandError(
            f"--prompt has characters that {args.text} does not have, and the model will not know: "
            f"{', '.join(map(repr, unknown))}."
        )
    return corpus, sha256


def _characters_per_token(corpus: Corpus[Tokenizer]) -> float | None:
    """Of the tokens of the validation part that are predicted; None for characters."""
    if corpus.vocabulary.kind == "characters" or len(corpus.validation) < 2:
        return None
    return characters_per_token(corpus.vocabulary, corpus.validation[1:].tolist())


def _command(args: argparse.Namespace) -> str:
    """The command that reproduces this model, without directories of this machine."""
    out = args.out.name if args.out.is_absolute() else str(args.out)
    words = ["--text", args.text.name, "--preset", args.preset, "--out", out]
    for option in (
        "steps",
        "batch_size",
        "seed",
        "name",
        "corpus",
        "description",
        "prompt",
        "temperature",
    ):
        if (value := getattr(args, option)) not in (None, ""):
            words += [f"--{option.replace('_', '-')}", str(value)]
    if args.tokenizer != "characters":
        words += ["--tokenizer", args.tokenizer, "--vocab-size", str(args.vocab_size or VOCAB_SIZE)]
    words += ["--lines"] * args.lines + ["--float16"] * args.float16
    words += ["--threads", str(args.threads)] * (args.threads != 1)
    return shlex.join(["python", "-m", "playground.train", *words])


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
