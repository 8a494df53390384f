"""The composition root: settings -> service -> API + page -> one ASGI application.

In the package rather than in the top-level app.py, so that an installed `token-playground` serves
the very same application.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import socket
import sys

import gradio as gr
import torch
import uvicorn
from fastapi import FastAPI

from playground.api.app import create_api
from playground.api.compression import CompressResponses
from playground.api.middleware import AnswerHead
from playground.api.routes.unmatched import answer_unmatched
from playground.page.blocks import build_page, mount_arguments
from playground.page.gradio_patches import apply_patches, configure_environment
from playground.page.head import document_head
from playground.page.routes import PAGE_PREFIX, add_page_routes
from playground.service.playground import Playground
from playground.settings import Settings

_ACCEPTS = 32
# Longer than a proxy keeps its own (nginx: 60): else it sends a request as this server closes.
_KEEP_ALIVE_SECONDS = 75
_STARTUP_FAILURE = 3  # the exit code, as that of the uvicorn command
_SHUTDOWN_SECONDS = 10  # for responses under way; a download on a slow line would hold it


def create_app(settings: Settings) -> FastAPI:
    """The whole application; importing this module builds nothing."""
    service = Playground(settings)
    # The processes for trainings and crowds import torch: once the first page can be served.
    api = create_api(service, on_startup=service.prepare)
    return assemble(api, build_page(service))


def assemble(api: FastAPI, page: gr.Blocks) -> FastAPI:
    """The API and the page as one application."""
    add_page_routes(api)
    answer_unmatched(api, PAGE_PREFIX)
    app: FastAPI = gr.mount_gradio_app(api, page, path="/", **mount_arguments())
    # For what is not compressed yet: on a phone, bytes are what a visitor waits for.
    app.add_middleware(CompressResponses)
    apply_patches(app, page, head=document_head())  # around it: it keeps responses compressed
    app.add_middleware(AnswerHead)  # around it: HEAD has the headers of the compressed response
    return app


def serve(settings: Settings) -> None:
    """Serve on the host and port of the settings until interrupted."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    configure_environment()
    torch.set_num_threads(1)  # forwards are small: a second thread costs more than it brings
    run_server(create_app(settings), settings)


def run_server(app: FastAPI, settings: Settings, log_level: str = "info") -> None:
    """Serve an application on the host and port of the settings until interrupted."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level=log_level,
        access_log=False,
        proxy_headers=False,  # the API's middleware, which trusts the proxies of the settings
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    # What is here now stays. Going through a million objects of libraries would stop the event loop
    # for a quarter of a second, every few seconds under load.
    gc.freeze()
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):  # as uvicorn.run, which takes no sockets
        server.run(sockets=listening_sockets(config.bind_socket()))
    if not server.started:
        sys.exit(_STARTUP_FAILURE)


def listening_sockets(bound: socket.socket) -> list[socket.socket]:
    """A bound socket, under as many descriptors as connections are accepted in a round of the loop.

    From each of them uvloop accepts one in a round. With a single one, a crowd that comes at once
    would wait for as many rounds as it has members, each of which serves all the others.
    """
    return [bound, *(bound.dup() for _ in range(_ACCEPTS - 1))]
