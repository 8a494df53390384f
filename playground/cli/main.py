"""The command `token-playground`: serves the page, or runs one of the other commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from playground.cli.command import CommandParser, run_command
from playground.settings import Settings, SettingsError, environment_variable

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
        # Before libraries are imported that read some of the same variables, and fail.
        if code := run_command(Settings.from_env):
            return code
        module, _ = _COMMANDS[arguments[0]]
        command: Callable[[Sequence[str]], int] = import_module(module).main
        return command(arguments[1:])
    _parser().parse_args(arguments)
    return run_command(_serve)


def _serve() -> None:
    settings = Settings.from_env()
    if not settings.models_dir.is_dir():
        variable = environment_variable("models_dir")
        raise SettingsError(f"{variable}: there is no folder {settings.models_dir}")
    serve: Callable[[Settings], None] = import_module("playground.app").serve
    serve(settings)


def _parser() -> CommandParser:
    epilog = "Settings are environment variables, GRADIO_SERVER_PORT is one; README lists them."
    parser = CommandParser(
        prog="token-playground",
        description="Watch a small language model write, one character at a time.",
        epilog=epilog,
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    serve = "serve the page and the API (the default)"
    commands.add_parser("serve", help=serve, epilog=epilog)
    for name, (_, summary) in _COMMANDS.items():
        commands.add_parser(name, help=summary)
    return parser
