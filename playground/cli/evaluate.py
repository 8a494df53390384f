"""Recompute a model's losses: `python -m playground.evaluate models/NAME --text FILE`.

Prints parameters, step, and the mean nats per character over the whole last 10 % of the text, every
token predicted once: in non-overlapping windows of --block-size tokens, and with a sliding window,
from as many tokens before it as the model reads; of the latter also the bits per character, and of
a model of word pieces both in nats per token.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

import torch

from playground.checkpoints.folder import Run, load_model
from playground.checkpoints.nanogpt import read_any_run
from playground.cli.command import (
    THREADS_MAX,
    CommandParser,
    check_folder,
    file_path,
    run_command,
    whole_number,
)
from playground.cli.corpus import read_corpus
from playground.errors import CommandError
from playground.lm.learning import validation_loss
from playground.lm.scoring import sliding_validation_loss
from playground.lm.tokenizer import characters_per_token
from playground.lm.vocabulary import Vocabulary
from playground.tokenization.byte_pairs import BytePairTokenizer
from playground.training.corpora import Corpus, in_word_pieces

MAX_BYTES = 2**28


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 for a folder or a text that cannot be used."""
    return run_command(lambda: _evaluate(_parser().parse_args(argv)))


def _evaluate(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    check_folder(args.folder)
    run = read_any_run(args.folder, args.folder.resolve().name)
    # A list, known by its end token, was shuffled with the run's seed before it was split.
    text, _ = read_corpus(args.text, lines=run.config.end_token == "\n", seed=run.config.seed)
    corpus = _in_tokens_of(run, text)
    if corpus is None:
        raise CommandError(f"{args.text} is not the text of this model: its characters differ.")
    if len(corpus.validation) < 2:
        raise CommandError(f"{args.text} is too short: its last 10 % must be two tokens.")
    block_size = args.block_size or run.model_config.block_size
    if block_size > run.model_config.block_size:
        raise CommandError(
            f"The model reads at most {run.model_config.block_size} {corpus.vocabulary.kind}."
        )
    validation = torch.from_numpy(corpus.validation)
    n = characters_per_token(corpus.vocabulary, validation[1:].tolist())
    for step in run.steps if args.all_steps else run.steps[-1:]:
        model = load_model(run, step, max_bytes=MAX_BYTES)
        loss = validation_loss(model, validation, block_size)
        sliding = sliding_validation_loss(model, validation)
        per_token = "" if n == 1 else f"per token {loss:.4f} and {sliding:.4f}  "
        print(
            f"{run.n_params:,} parameters  step {step:>5}  {per_token}"
            f"{sliding / n / math.log(2):.3f} bits per character  "
            f"validation loss {loss / n:.4f}  sliding window {sliding / n:.4f}"
        )


def _in_tokens_of(
    run: Run, corpus: Corpus[Vocabulary]
) -> Corpus[Vocabulary] | Corpus[BytePairTokenizer] | None:
    """A text in the tokens of a model; None where the model has learned others."""
    if isinstance(run.vocabulary, Vocabulary):
        return corpus if corpus.vocabulary.characters == run.vocabulary.characters else None
    pieces = in_word_pieces(corpus, run.model_config.vocab_size)
    return pieces if pieces.vocabulary.pieces == run.vocabulary.pieces else None


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("python -m playground.evaluate", description=__doc__)
    parser.add_argument("folder", type=file_path, help="a checkpoint folder, such as models/NAME")
    parser.add_argument("--text", type=file_path, required=True, help="the text it learned from")
    parser.add_argument("--all-steps", action="store_true", help="every checkpoint, not the last")
    parser.add_argument(
        "--block-size",
        type=whole_number(1, 10**6),
        help="default: as many as the model reads",
    )
    parser.add_argument("--threads", type=whole_number(1, THREADS_MAX), default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
