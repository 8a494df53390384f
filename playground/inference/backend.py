"""Protocol of a backend: generates text, in this process or elsewhere."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from playground.inference.batch import GenerationRequest
from playground.lm.generation import Steps
from playground.lm.language_model import LanguageModel


class Backend(Protocol):
    """Generates for many callers at once; the results are the same wherever it computes."""

    def start(self) -> None:
        """Start in the background what computes, where that takes time."""

    async def generate(
        self, key: Hashable, model: LanguageModel, request: GenerationRequest
    ) -> Steps:
        """As Engine.generate; raises EngineUnavailable, too, where it computes elsewhere."""

    async def close(self) -> None:
        """End what was started; what is not done fails."""
