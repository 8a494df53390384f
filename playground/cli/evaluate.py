"""Recompute a model's losses: `python -m playground.evaluate models/NAME --text FILE`.

Prints parameters, step, and the mean nats per character over the whole last 10 % of the text, in
non-overlapping windows of --block-size characters, every character predicted once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from playground.checkpoints.folder import load_model, read_run
from playground.cli.corpus import read_corpus
from playground.cli.edge import THREADS_MAX, CommandParser, exit_code, whole_number
from playground.errors import CommandError
from playground.lm.learning import validation_loss

MAX_BYTES = 2**28


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 for a folder or a text that cannot be used."""
    return exit_code(lambda: _evaluate(_parser().parse_args(argv)))


def _evaluate(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    run = read_run(args.folder)
    # A list, known by its end token, was shuffled with the run's seed before it was split.
    corpus, _ = read_corpus(args.text, lines=run.config.end_token == "\n", seed=run.config.seed)
    if corpus.vocabulary.characters != run.vocabulary.characters:
        raise CommandError(f"{args.text} is not the text of this model: its characters differ.")
    if len(corpus.validation) < 2:
        raise CommandError(f"{args.text} is too short: its last 10 % must be two characters.")
    block_size = args.block_size or run.model_config.block_size
    if block_size > run.model_config.block_size:
        raise CommandError(f"The model reads at most {run.model_config.block_size} characters.")
    validation = torch.from_numpy(corpus.validation)
    for step in run.steps if args.all_steps else run.steps[-1:]:
        model = load_model(run, step, max_bytes=MAX_BYTES)
        loss = validation_loss(model, validation, block_size)
        print(f"{run.n_params:,} parameters  step {step:>5}  validation loss {loss:.4f}")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("python -m playground.evaluate", description=__doc__)
    parser.add_argument("folder", type=Path, help="a checkpoint folder, such as models/NAME")
    parser.add_argument("--text", type=Path, required=True, help="the text it learned from")
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
