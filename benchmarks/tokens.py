"""Real tokens: a language model of 135 million parameters, beside `generate` of transformers.

A Llama of SmolLM2-135M's shape with random weights, written by `save_pretrained` and opened as any
folder of its kind. *ours* is the engine, all in, with one row a visitor, in float32 and with 8-bit
weights (PLAYGROUND_TOKEN_DTYPE); *generate* is the library's own in float32, sampling with its
cache, one visitor after the other; ratios are to it. Tokens a second of wall
time on one thread, rounds in turn; candidates are made by ours alone.
*neighbour*: one who plays the small model over HTTP, 20 characters of an ever new text at a time,
alone and while eight others write with the large one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers

from benchmarks.load import request_json
from benchmarks.models import SMALL, random_text
from benchmarks.report import percentile, percentiles, table
from benchmarks.servers import Server, serve
from playground.checkpoints.transformers_folder import TransformersLimits, read_transformers_run
from playground.inference.batch import GenerationRequest
from playground.inference.engine import Engine
from playground.inference.transformers_model import TransformersModel, load_transformers_model
from playground.lm.sampling import SamplingParams
from playground.settings import Settings, TokenDtype

VISITORS = (1, 2, 4, 8)
DTYPES: tuple[TokenDtype, ...] = ("float32", "int8")
TOKENS = 24  # of each
PROMPT = 16  # tokens
CHUNK = 20
VOCABULARY = 49_152


def write_model(folder: Path) -> None:
    """SmolLM2-135M's shape; every word of its tokenizer is a token."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
        num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
        tie_word_embeddings=True, rope_theta=100_000,
    )  # fmt: skip
    transformers.utils.logging.disable_progress_bar()
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    words = {f"w{id}": id for id in range(VOCABULARY)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def load(folder: Path, dtype: TokenDtype) -> tuple[TransformersModel, list[object]]:
    """The model, and a row of what opening it cost."""
    before, began = rss_bytes(), time.perf_counter()
    limits = TransformersLimits.from_settings(Settings(token_dtype=dtype))
    run = read_transformers_run(folder, "large", limits)
    model = load_transformers_model(run, run.checkpoints[-1])
    seconds = time.perf_counter() - began
    grown = (rss_bytes() - before) / 2**20
    kept = model.nbytes / 2**20
    millions = f"{run.n_params / 1e6:.0f}"
    return model, [dtype, millions, f"{seconds:.1f}", f"{grown:.0f}", f"{kept:.0f}"]


def texts(count: int, draw: random.Random) -> list[tuple[int, ...]]:
    return [tuple(draw.choices(range(VOCABULARY), k=PROMPT)) for _ in range(count)]


def ours(model: TransformersModel, prompts: list[tuple[int, ...]]) -> float:
    """Tokens a second."""

    async def write() -> float:
        engine = Engine(batch_rows=256, threads=1, answer_cache_bytes=0, prefix_cache_bytes=2**28)
        requests = [
            GenerationRequest(ids, SamplingParams(0.8, seed=seed), TOKENS, PROMPT)
            for seed, ids in enumerate(prompts)
        ]
        began = time.perf_counter()
        await asyncio.gather(*(engine.generate("model", model, one) for one in requests))
        seconds = time.perf_counter() - began
        engine.close()
        return len(prompts) * TOKENS / seconds

    return asyncio.run(write())


def library(model: Any, prompts: list[tuple[int, ...]]) -> float:
    """Tokens a second."""
    began = time.perf_counter()
    for ids in prompts:
        model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, PROMPT, dtype=torch.long),
            do_sample=True, temperature=0.8, max_new_tokens=TOKENS, min_new_tokens=TOKENS,
            pad_token_id=0,
        )  # fmt: skip
    return len(prompts) * TOKENS / (time.perf_counter() - began)


def speeds(models: Sequence[TransformersModel], pretrained: Any, rounds: int) -> list[list[object]]:
    draw = random.Random(1)
    rows: list[list[object]] = []
    for count in VISITORS:
        found: list[list[float]] = []
        for _ in range(rounds + 1):  # the first one warms up
            prompts = texts(count, draw)
            own = [ours(model, prompts) for model in models]
            found.append([library(pretrained, prompts), *own])
        theirs, *own = (statistics.median(values) for values in zip(*found[1:], strict=True))
        cells = [cell for one in own for cell in (f"{one:.1f}", f"{one / theirs:.2f}")]
        rows.append([count, f"{theirs:.1f}", *cells])
    return rows


def play(server: Server, seconds: float) -> list[float]:
    """Milliseconds until each chunk of the small model."""
    draw, found = random.Random(2), []
    with closing(server.connect()) as connection:
        ask = partial(request_json, connection)
        vocabulary = ask("GET", f"/api/sessions/{SMALL}")["vocabulary"]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            body = {"session_id": SMALL, "context": random_text(vocabulary, 64, draw), "n": CHUNK,
                    "temperature": 0.8, "seed": 1}  # fmt: skip
            began = time.perf_counter()
            ask("POST", "/api/generate", body)
            found.append((time.perf_counter() - began) * 1e3)
            time.sleep(0.05)
    return found


def play_large(server: Server, seed: int, over: threading.Event) -> None:
    """Generate with the large model until `over` is set; a busy server may refuse."""
    draw = random.Random(seed)
    with closing(server.connect()) as connection:
        while not over.is_set():
            context = " ".join(f"w{id}" for id in draw.choices(range(1, VOCABULARY), k=PROMPT))
            body = {"session_id": "large", "context": context, "n": 8, "seed": seed,
                    "temperature": 0.8}  # fmt: skip
            connection.request("POST", "/api/generate", json.dumps(body),
                               {"Content-Type": "application/json"})  # fmt: skip
            response = connection.getresponse()
            response.read()
            assert response.status in {200, 503}, response.status
            time.sleep(0.05)


def neighbour(models: Path, seconds: float) -> list[list[object]]:
    shutil.copytree(Settings().models_dir / SMALL, models / SMALL)
    with serve(PLAYGROUND_MODELS_DIR=str(models)) as server:
        play(server, 1)
        alone = play(server, seconds)
        over = threading.Event()
        crowd = [
            threading.Thread(target=play_large, args=(server, seed, over)) for seed in range(8)
        ]
        for one in crowd:
            one.start()
        play(server, 5)  # until the large one is loaded
        beside = play(server, seconds)
        over.set()
        for one in crowd:
            one.join()
        memory = f"{server.rss_bytes() / 2**20:.0f}"
    return [
        [name, percentiles(values), f"{percentile(values, 95) / percentile(alone, 95):.2f}", more]
        for name, values, more in (
            ("alone", alone, ""), ("beside eight of the large one", beside, memory),
        )
    ]  # fmt: skip


def run(options: argparse.Namespace) -> str:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large"
        write_model(large)
        models, costs = zip(*(load(large, dtype) for dtype in DTYPES), strict=True)
        pretrained = transformers.LlamaForCausalLM.from_pretrained(large).eval()
        speed = speeds(models, pretrained, 1 if options.quick else 3)
        del models, pretrained
        beside = neighbour(Path(folder), 5 if options.quick else 20)
    columns = [cell for dtype in DTYPES for cell in (f"{dtype}, tokens/s", "ratio")]
    return "\n".join([
        table(["", "parameters, millions", "load, s", "grown by, MiB", "kept, MiB"], costs),
        table(["visitors", "`generate`, tokens/s", *columns], speed),
        table(["neighbour", "p50 / p95 / p99, ms", "p95 ratio", "server's memory, MiB"], beside),
    ])  # fmt: skip
