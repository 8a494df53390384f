"""The arguments of the train command, parsed and validated into a job."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from playground.checkpoints.schema import (
    NAME_MAX,
    RunConfig,
    SamplingDefaults,
)
from playground.cli.command import THREADS_MAX, CommandParser, file_path, whole_number
from playground.cli.corpus import read_corpus
from playground.errors import CommandError
from playground.lm.learning import TrainingParams
from playground.lm.model import ModelConfig
from playground.lm.sampling import TEMPERATURE_MAX
from playground.lm.tokenizer import Tokenizer, characters_per_token
from playground.lm.vocabulary import Vocabulary
from playground.tokenization.byte_pairs import VOCAB_SIZE, VOCAB_SIZES, BytePairTokenizer
from playground.training.corpora import Corpus, TokenizerName, in_word_pieces
from playground.training.presets import PRESETS

_COUNT = whole_number(1, 10**6)


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


def create_parser(description: str | None) -> argparse.ArgumentParser:
    """The parser of the command line; description: of the command, for --help."""
    parser = CommandParser("python -m playground.train", description=description)
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


def make_job(args: argparse.Namespace) -> Job:
    """The job of parsed arguments; reads the text. Raises CommandError."""
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
