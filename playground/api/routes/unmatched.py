"""What no route of the API answers: 404, or 405 with the methods that the path has."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def answer_unmatched(app: FastAPI, prefix: str) -> None:
    """Answer every path below the prefix that no route so far answers; call it after them.

    Otherwise what is mounted at "/" would: a route without the method of the request matches only
    partially, and the mount fully.
    """
    unmatched = _Unmatched(tuple(app.routes))
    app.router.routes.append(Route(f"{prefix}/{{path:path}}", unmatched, include_in_schema=False))


class _Unmatched:
    """An ASGI application, not a function: Starlette gives those the requests of every method."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
