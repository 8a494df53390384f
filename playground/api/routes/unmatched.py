"""Fallback routes of the API: 404, or 405 with the methods that the path has."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def answer_unmatched(app: FastAPI, prefix: str) -> None:
    """Answer the prefix and every path below it that no route so far answers; call it after them.

    Otherwise what is mounted at "/" would: a route without the method of the request matches only
    partially, and the mount fully.
    """
    app.router.routes.append(_Unmatched(prefix, tuple(app.routes)))


class _Unmatched(BaseRoute):
    """Takes the requests of every method, and of a prefix in capital letters, too."""

    def __init__(self, prefix: str, routes: Sequence[BaseRoute]) -> None:
        self._prefix, self._routes = f"{prefix}/", routes

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the path is the prefix, or below it."""
        is_http = scope["type"] == "http"
        is_below = is_http and f"{scope['path']}/".lower().startswith(self._prefix)
        return (Match.FULL if is_below else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises HTTPException."""
        if allowed := self._allowed_methods(scope):
            raise HTTPException(405, headers={"Allow": ", ".join(allowed)})
        raise HTTPException(404)

    def _allowed_methods(self, scope: Scope) -> list[str]:
        """The methods that the routes have for the path of a request; HEAD goes with GET."""
        found = [
            method
            for method in _METHODS
            if any(r.matches({**scope, "method": method})[0] is Match.FULL for r in self._routes)
        ]
        return ["GET", "HEAD", *found[1:]] if "GET" in found else found
