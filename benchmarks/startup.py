"""Startup: from start to the first answer, against an empty Gradio app with torch imported.

Seconds until GET / is answered with 200; the two are started in turn. The empty app is mounted and
served as the playground is.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

from benchmarks.report import table
from benchmarks.servers import APP, start, wait_for

EMPTY = """
import os
import gradio as gr, torch, uvicorn
from fastapi import FastAPI
with gr.Blocks() as demo:
    pass
app = gr.mount_gradio_app(FastAPI(), demo, path="/", ssr_mode=False)
uvicorn.run(app, port=int(os.environ["GRADIO_SERVER_PORT"]), log_level="error")
"""
KINDS = {"empty Gradio app and torch": ("-c", EMPTY), "playground": APP}


def seconds_to_first_answer(arguments: Sequence[str]) -> float:
    began = time.perf_counter()
    with start(arguments) as (server, process):
        wait_for(server, process, "/", every_seconds=0.01)
        return time.perf_counter() - began


def run(options: argparse.Namespace) -> str:
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(2 if options.quick else 5):
        for kind, arguments in KINDS.items():
            seconds[kind].append(seconds_to_first_answer(arguments))
    medians = {kind: statistics.median(values) for kind, values in seconds.items()}
    first = next(iter(medians.values()))
    rows = [[kind, f"{value:.2f}", f"{value / first:.2f}"] for kind, value in medians.items()]
    return table(["start to first answer", "median, s", "ratio"], rows)
