"""What all commands share: argument types, exit codes, and errors as one line on stderr."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pydantic

from playground.checkpoints.schema import first_error
from playground.errors import CommandError, PlaygroundError
from playground.settings import SettingsError

THREADS_MAX = 1024
_SIGPIPE_EXIT = 128 + 13  # as the shell tells of a command that SIGPIPE ended

# Caused by input or environment. Any other exception is a bug, and keeps its traceback.
_USER_ERRORS = (CommandError, PlaygroundError, SettingsError, pydantic.ValidationError, OSError)


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line; exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; see --help\n")


def check_folder(folder: Path) -> None:
    """Raises CommandError where there is none."""
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.")


def file_path(text: str) -> Path:
    """The `type` of an argument that is a path: an empty one would be the folder one is in."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name of a file or folder is needed")
    return Path(text)


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """The `type` of an argument that is a whole number, both bounds included."""

    def parse(text: str) -> int:
        # The length first: int() refuses thousands of digits.
        if not text.isdecimal() or len(text) > 20 or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"a whole number from {low} to {high} is needed")
        return int(text)

    return parse


def run_command(
    command: Callable[[], object], *, failed: str = "error", stopped: str = "Stopped."
) -> int:
    """Run a command; returns its exit code: 0, 2 for one of _USER_ERRORS, 130 for an interrupt, 141
    where nobody reads its output any more.

    failed: prefix of the error on stderr. stopped: the line on stderr for an interrupt.
    """
    try:
        command()
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has enough, as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left in it
        return _SIGPIPE_EXIT
    except _USER_ERRORS as error:
        print(f"{failed}: {' '.join(_sentence(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(stopped, file=sys.stderr)
        return 130
    return 0


def _sentence(error: Exception) -> str:
    if isinstance(error, pydantic.ValidationError):
        return str(first_error(error))
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'The output'} cannot be used: {error.strerror}."
    return str(error)
