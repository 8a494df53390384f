"""The real app on a port of 127.0.0.1, as the journeys need it.

Beside the bundled models there is a second tab, two live sessions, one whose model isn't there yet,
and a route that ends a live session: `ending` is there for that.
"""

import os
import sys
from pathlib import Path

import gradio as gr
import torch
import uvicorn

from playground.api.app import create_api
from playground.app import assemble
from playground.page.blocks import TABS, Tab, build_page
from playground.service.playground import Playground
from playground.service.sessions import Session
from playground.settings import Settings


def main(models_dir: Path, port: int) -> None:
    torch.set_num_threads(1)
    service = Playground(Settings.from_env().model_copy(update={"models_dir": models_dir}))
    for name in ("live", "ending"):
        service.register(Session(name, "live", service.registered_run("plain")))
    service.register(Session("untrained", "live", None))
    api = create_api(service)
    api.post("/end/{session_id}")(service.unregister)
    second = Tab("second", "Second", lambda: gr.Markdown("Another tab."))
    app = assemble(api, build_page(service, (*TABS, second)))
    uvicorn.run(app, port=port, log_level="warning")


if __name__ == "__main__":
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    main(Path(sys.argv[1]), int(sys.argv[2]))
