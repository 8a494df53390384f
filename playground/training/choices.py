"""Options of the training form, with translated titles and descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from playground.i18n.translate import Message

Name = TypeVar("Name", bound=str, covariant=True)


@dataclass(frozen=True, slots=True)
class Choice(Generic[Name]):
    """A named choice.

    key: of the message that is its title; with `_about` after it, of its description, which params
    are filled into.
    """

    name: Name
    key: str
    params: Mapping[str, int] = field(default_factory=dict)

    @property
    def title(self) -> Message:
        return Message.of(self.key)

    @property
    def description(self) -> Message:
        return Message.of(f"{self.key}_about", **self.params)
