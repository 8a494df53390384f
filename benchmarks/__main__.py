"""Run the benchmarks and write one report in Markdown.

python -m benchmarks                      # all, about 15 minutes; --quick: 3
python -m benchmarks engine api           # some of them
python -m benchmarks --out report.md
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import time
from pathlib import Path

from benchmarks.report import machine_facts

DEFAULT = (
    "engine", "api", "growth", "visitors", "overload", "startup", "first_visits", "scoring",
    "playing_while_training", "step", "tokens",
)  # fmt: skip
OPTIONAL = ("soak", "slow_phone", "training")  # they take longer, or need files


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(DEFAULT + OPTIONAL))
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter times")
    parser.add_argument("--out", type=Path, help="write the report here too")
    parser.add_argument("--minutes", type=float, default=30, help="of soak")
    parser.add_argument("--nanogpt", type=Path, help="of training: a checkout of nanoGPT")
    parser.add_argument("--text", type=Path, help="of training: Tiny Shakespeare")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - {*DEFAULT, *OPTIONAL}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if "training" in options.names and not (options.nanogpt and options.text):
        parser.error("training needs --nanogpt and --text")
    options.names = options.names or DEFAULT
    return options


def section(name: str, options: argparse.Namespace) -> str:
    """A module's docstring explains its figures: it is the head of its section."""
    module = importlib.import_module(f"benchmarks.{name}")
    title, _, note = (module.__doc__ or "").strip().partition("\n")
    began = time.perf_counter()
    body = module.run(options)
    seconds = time.perf_counter() - began
    return f"## {title.rstrip('.')}\n\n{note.strip()}\n\n{body}\n*{name}: {seconds:.0f} s*\n"


def main() -> None:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers and browsers are closed then
    parts = [f"# Benchmarks\n\n{machine_facts(os.getloadavg()[0])}"]
    print(parts[0], flush=True)
    failed = False
    for name in options.names:
        try:
            parts.append(section(name, options))
        except Exception as error:  # the others are measured all the same
            failed = True
            parts.append(f"## {name} failed\n\n    {type(error).__name__}: {error}\n")
        print(parts[-1], flush=True)
    if options.out:
        options.out.write_text("\n".join(parts), "utf-8")
    sys.exit(failed)


if __name__ == "__main__":
    main()
