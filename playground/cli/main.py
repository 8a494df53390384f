"""The command `token-playground`: serves the page, or runs one of the other commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from playground.cli.edge import CommandParser

# name: (module with a `main(argv) -> int`, summary). Imported on use: each takes seconds to import.
_COMMANDS = {
    "train": ("playground.cli.train", "train a model on a text file"),
    "evaluate": ("playground.cli.evaluate", "compute the losses of a model anew"),
    "publish": ("playground.cli.publish", "upload a model folder to the Hub"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command with the arguments after its name; without one, serve until interrupted.

    Returns the exit code. Raises SystemExit for --help and for unknown commands.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments and arguments[0] in _COMMANDS:
        module, _ = _COMMANDS[arguments[0]]
        command: Callable[[Sequence[str]], int] = import_module(module).main
        return command(arguments[1:])
    _parser().parse_args(arguments)
    serve: Callable[[], None] = import_module("playground.app").serve
    serve()
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="token-playground",
        description="Watch a small language model write, one character at a time.",
        epilog="Settings of the server are environment variables; README lists them.",
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    commands.add_parser("serve", help="serve the page and the API (the default)")
    for name, (_, summary) in _COMMANDS.items():
        commands.add_parser(name, help=summary)
    return parser
