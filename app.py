"""Token Playground: settings -> service -> API + page -> serve."""

from __future__ import annotations

import logging
import os
import sys

import gradio as gr
import torch
import uvicorn
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from playground.runs.service import Playground
from playground.settings import Settings
from playground.web.api import create_api
from playground.web.assets import RememberAssets
from playground.web.document import InsertHead
from playground.web.gradio_api import answer_tools_in_json
from playground.web.player import document_head
from playground.web.ui import build_ui, mounting


def create_app(settings: Settings) -> FastAPI:
    """The whole application; importing this module builds nothing."""
    service = Playground(settings)
    service.trainings.prepare()  # meanwhile: a training's imports take longer than its first words
    return assemble(create_api(service), build_ui(service))


def assemble(api: FastAPI, page: gr.Blocks) -> FastAPI:
    """The API and the page as one application."""
    app = gr.mount_gradio_app(api, page, path="/", **mounting())
    answer_tools_in_json(page)
    app.add_middleware(RememberAssets)
    app.add_middleware(InsertHead, tags=document_head())
    # Outermost, for what is not compressed yet: on a phone, bytes are what a visitor waits for.
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    return app


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # Gradio reads these itself: no reports over the network, no statistics after every event.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")
    torch.set_num_threads(1)  # forwards are small: a second thread costs more than it brings
    try:
        settings = Settings.from_env()
    except ValueError as error:
        sys.exit(str(error))
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, access_log=False)


if __name__ == "__main__":
    main()
