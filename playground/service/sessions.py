"""Sessions: the models that visitors can open, and their registry."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from playground.checkpoints.folder import BaseRun
from playground.checkpoints.nanogpt import ABOUT
from playground.checkpoints.schema import CheckpointEntry
from playground.checkpoints.transformers_folder import ABOUT as ABOUT_TRANSFORMERS
from playground.errors import ModelNotInitialized, SessionNotFound
from playground.hub.disk_cache import Origin
from playground.hub.snapshots import Snapshot
from playground.i18n.translate import Message
from playground.lm.language_model import LanguageModel
from playground.replica import Replica

Source = Literal["bundled", "hub", "live"]
_SIZE_UNKNOWN = 2**63  # sorts sessions without a model last


@dataclass(frozen=True, slots=True)
class Session:
    """A model that can be opened, with all its training steps.

    run: None until a live training has written its first step.
    origin: the commit that a session of the Hub is pinned to.
    cached: opened from disk without an answer of the Hub.
    listed: shown to all visitors; an unlisted session is opened by its id.
    localized_fields: translated values of fields of the run's config, where there are any.
    """

    session_id: str
    source: Source
    run: BaseRun | None
    origin: Origin | None = None
    cached: bool = False
    listed: bool = True
    localized_fields: Mapping[str, Message | str] = field(default_factory=dict)

    def require_run(self) -> BaseRun:
        """The run. Raises ModelNotInitialized."""
        if self.run is None:
            raise ModelNotInitialized
        return self.run

    @property
    def revision(self) -> str | None:
        """Identifier of the weights: the commit, or 12 hex digits of a SHA-256 over all steps.

        None for a session without a model and for a live one, whose weights change.
        """
        if self.origin is not None:
            return self.origin.commit
        if self.run is None or self.source == "live":
            return None
        weights = "".join(file.sha256 for entry in self.run.checkpoints for file in entry.files)
        return hashlib.sha256(weights.encode()).hexdigest()[:12]


LoadModel = Callable[[Session, CheckpointEntry], Awaitable[LanguageModel]]
"""Loads the model of a session's checkpoint."""


def hub_session(snapshot: Snapshot) -> Session:
    """The unlisted session of a snapshot; its id is `owner/name@<commit>`."""
    origin = snapshot.origin
    about = ABOUT if origin.nanogpt else ABOUT_TRANSFORMERS if origin.transformers else None
    return Session(
        str(snapshot.origin.pinned),
        "hub",
        snapshot.run,
        snapshot.origin,
        snapshot.cached,
        listed=False,
        localized_fields={"description": about} if about else {},
    )


class SessionRegistry:
    """Sessions by id. Those of the Hub are an LRU cache, except the featured ones."""

    def __init__(
        self,
        hub_sessions_max: int,
        last_used: Callable[[BaseRun], float],
        replica: Replica | None = None,
    ) -> None:
        """last_used: time of the last use of a run of the Hub, in any unit that increases."""
        self._replica = replica or Replica()
        self._hub_sessions_max = hub_sessions_max
        self._last_used = last_used
        self._sessions: dict[str, Session] = {}
        self._featured: set[str] = set()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._sessions

    def get(self, session_id: str) -> Session:
        """Raises SessionNotFound, Misdirected."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise self._replica.missing(session_id, SessionNotFound()) from None

    def ids(self) -> frozenset[str]:
        """The ids of all sessions, listed or not."""
        return frozenset(self._sessions)

    def listed(self) -> list[Session]:
        """The listed sessions, smallest model first; those without a model last."""
        size = {s.session_id: s.run.n_params if s.run else _SIZE_UNKNOWN for s in self._all()}
        listed = (session for session in self._all() if session.listed)
        return sorted(listed, key=lambda s: (size[s.session_id], s.session_id))

    def register(self, session: Session) -> None:
        """Add a session; replaces one of the same id."""
        self._sessions[session.session_id] = session

    def register_hub_session(self, session: Session) -> None:
        """Add a session of the Hub, and unregister the least recently used beyond the maximum.

        An unregistered one can be opened again by its id. `cached` and `listed` of a session that
        is registered already are kept: opening it changes nothing for other visitors.
        """
        known = self._sessions.get(session.session_id, session)
        self.register(replace(session, cached=known.cached, listed=known.listed))
        last_used = {
            s.session_id: self._last_used(s.run)
            for s in self._all()
            if s.origin and s.run and s.session_id not in self._featured
        }
        for session_id in sorted(last_used, key=last_used.__getitem__)[: -self._hub_sessions_max]:
            self.unregister(session_id)

    def register_featured(self, session: Session) -> None:
        """List a session of the Hub for all visitors; it is never unregistered as unused."""
        self._featured.add(session.session_id)
        self.register(replace(session, listed=True))

    def unregister(self, session_id: str) -> None:
        """Remove a session. Raises SessionNotFound."""
        self.get(session_id)
        del self._sessions[session_id]

    def _all(self) -> list[Session]:
        return list(self._sessions.values())
