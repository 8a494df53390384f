"""Ids that name the replica of the server that has what they stand for.

Several servers behind one address share nothing but their disk cache: a live training or a load is
in the memory of one of them. Any other responds to its id with Misdirected, and the proxy asks the
replica that it names.
"""

from __future__ import annotations

import re
import secrets

from playground.errors import Misdirected, PlaygroundError

_BYTES = 16  # of randomness: ids are unguessable
_ID = re.compile(r"(?:\w+-)?([a-z0-9]+)\.[\w-]{22}", re.ASCII)


class Replica:
    """One of several servers behind one address; its name is "" where it is the only one."""

    def __init__(self, name: str = "") -> None:
        """name: of letters a to z and digits."""
        self.name = name

    def new_id(self, prefix: str = "") -> str:
        """An unguessable id: `<prefix><name>.<22 characters>`; without the name where it is ""."""
        return f"{prefix}{self.name and self.name + '.'}{secrets.token_urlsafe(_BYTES)}"

    def missing(self, identifier: str, error: PlaygroundError) -> PlaygroundError:
        """The error for an id that is not here: Misdirected if it names another replica."""
        named = _ID.fullmatch(identifier) if self.name else None
        if named is None or named[1] == self.name:
            return error
        return Misdirected(named[1], error)
