"""The app, with one route more: GET /held says what the process holds of its visitors' work."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter

import torch

from playground.api.app import create_api
from playground.app import assemble, run_server
from playground.inference.batch import RunningBatch
from playground.page.blocks import build_page
from playground.page.gradio_patches import configure_environment
from playground.service.playground import Playground
from playground.settings import Settings


def main() -> None:
    configure_environment()
    torch.set_num_threads(1)
    settings = Settings.from_env()
    service = Playground(settings)
    api = create_api(service, on_startup=service.trainings.prepare)
    page = build_page(service)

    @api.get("/held")
    async def held() -> dict[str, object]:
        """Requests in running batches, tasks by their coroutine, Gradio's sessions."""
        gc.collect()
        batches = [one for one in gc.get_objects() if type(one) is RunningBatch]
        tasks = Counter(
            getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()
        )
        sessions = page.state_holder.session_data
        return {
            "requests": sum(batch.n_under_way for batch in batches),
            "tasks": dict(tasks),
            "gradio_sessions": len(sessions),
        }

    run_server(assemble(api, page), settings, log_level="error")


if __name__ == "__main__":
    main()
