"""Engine: processor time of a token, beside its floors and its peers.

µs of processor time of one thread a token, 100 tokens a row after a text that was read before.
*all in* is the engine with forward, sampling, arrays, and the JSON of the API; *forward*,
*sampling* and *JSON* are the bare calls it consists of, measured alone in the same rounds, and *x
floor* is all in by their sum. *GPT-2*: `transformers` with its cache, same shape, all rows in one
batch; *nanoGPT*: the loop of its `generate`, a full forward of the window of all rows for each
token. Neither makes candidates or JSON.
*read 64* is a text that nobody asked about yet, in µs a text: its prefill; the engine's comes with
the first character.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import orjson
import torch
import transformers

from benchmarks.models import LARGE, SMALL, open_model, random_texts
from benchmarks.report import table
from playground.api.schemas.generation import generate_response
from playground.checkpoints.folder import Run
from playground.inference.batch import GenerationRequest
from playground.inference.engine import Engine
from playground.lm.generation import Steps, sample_steps
from playground.lm.incremental import Cache, empty_cache, extend
from playground.lm.model import Transformer
from playground.lm.sampling import BatchParams, SamplingParams
from playground.service.generation import Generation
from playground.service.sessions import Session
from playground.settings import Settings

ROWS = (1, 16, 64, 256)
TOKENS = 100  # of a row
NANOGPT_FORWARDS = 512  # rows times tokens: a token costs it the same, however many there are


def cpu_us(work: Callable[[], object], count: int) -> float:
    """µs of processor time of this process for each of `count` things."""
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e6 / count


class Ours:
    """An engine of one thread, and the JSON that the API makes of its steps."""

    def __init__(self, run: Run, model: Transformer) -> None:
        self._run, self._model = run, model
        self._session = Session("benchmark", "bundled", run)

    def measure(self, texts: torch.Tensor, tokens: int) -> dict[str, float]:
        return asyncio.run(self._measure(texts.tolist(), tokens))

    async def _measure(self, texts: list[list[int]], tokens: int) -> dict[str, float]:
        engine = Engine(
            batch_rows=Settings().batch_rows,
            threads=1,
            answer_cache_bytes=0,
            prefix_cache_bytes=2**30,
        )

        async def write(seed: int, ids: list[int], n: int) -> Steps:
            params = SamplingParams(0.8, seed=seed)
            request = GenerationRequest(tuple(ids), params, n, len(ids))
            return await engine.generate("model", self._model, request)

        async def write_all(texts: list[list[int]], n: int) -> list[Steps]:
            return await asyncio.gather(*(write(seed, ids, n) for seed, ids in enumerate(texts)))

        count = len(texts) * tokens
        began = time.process_time()
        first = await write_all(texts, 1)
        read = (time.process_time() - began) * 1e6 / len(texts)
        texts = [[*ids, *one.token.tolist()] for ids, one in zip(texts, first, strict=True)]
        began = time.process_time()
        made = await write_all(texts, tokens)
        decode = (time.process_time() - began) * 1e6 / count
        to_json = cpu_us(lambda: [self._encode(steps) for steps in made], count)
        engine.close()
        return {"all in": decode + to_json, "JSON": to_json, "read": read}

    def _encode(self, steps: Steps) -> bytes:
        made = Generation(self._session, self._run.vocabulary, 0, "", 0, steps)
        return orjson.dumps(generate_response(made, 0, intervals=False))


def floors(model: Transformer, texts: torch.Tensor, tokens: int) -> dict[str, float]:
    """Bare `extend` and bare `sample_steps`."""
    n_rows, length = texts.shape
    params = BatchParams.stack([SamplingParams(0.8)] * n_rows)
    newest, one = texts[:, -1:], torch.ones(n_rows, dtype=torch.long)
    u = np.full(n_rows, 0.5)
    made: dict[str, tuple[torch.Tensor, Cache]] = {}

    def read() -> None:
        lengths = torch.full((n_rows,), length)
        made["last"] = extend(model, empty_cache(model, n_rows), texts, lengths)

    def forward() -> None:
        for _ in range(tokens):
            made["last"] = extend(model, made["last"][1], newest, one)

    def sampling() -> None:
        logits = made["last"][0][:, -1].numpy()
        for _ in range(tokens):
            sample_steps(logits, params, u)

    count = n_rows * tokens
    return {
        "read floor": cpu_us(read, n_rows),
        "forward": cpu_us(forward, count),
        "sampling": cpu_us(sampling, count),
    }


class Gpt2:
    """Its cache is exact as long as the text fits its positions: they are as many as needed."""

    def __init__(self, run: Run) -> None:
        shape = run.model_config
        config = transformers.GPT2Config(
            vocab_size=shape.vocab_size,
            n_positions=shape.block_size + TOKENS + 1,
            n_layer=shape.n_layer * shape.n_loop,
            n_head=shape.n_head,
            n_embd=shape.n_embd,
            n_inner=shape.n_hidden,
            bos_token_id=0,
            eos_token_id=0,
        )
        self._model = transformers.GPT2LMHeadModel(config).eval()

    @torch.inference_mode()
    def measure(self, texts: torch.Tensor, tokens: int) -> dict[str, float]:
        made = []
        read = cpu_us(lambda: made.append(self._model(texts, logits_to_keep=1)), len(texts))

        def decode() -> None:
            last = made.pop()
            for _ in range(tokens):
                ids = torch.multinomial(last.logits[:, -1].softmax(-1), 1)
                last = self._model(ids, past_key_values=last.past_key_values)

        return {"GPT-2": cpu_us(decode, len(texts) * tokens), "read GPT-2": read}


@torch.inference_mode()
def nanogpt(model: Transformer, ids: torch.Tensor, tokens: int) -> float:
    n_rows, length = ids.shape

    def loop() -> None:
        text = ids
        for _ in range(tokens):
            logits = model(text[:, -length:])[:, -1]
            text = torch.cat([text, torch.multinomial(logits.softmax(-1), 1)], 1)

    return cpu_us(loop, n_rows * tokens)


def measure(name: str, rounds: int, tokens: int) -> str:
    run, model = open_model(name)
    ours, gpt2 = Ours(run, model), Gpt2(run)
    found: dict[int, dict[str, list[float]]] = {n: defaultdict(list) for n in ROWS}
    for turn in range(rounds + 1):
        for n_rows in ROWS:
            texts = random_texts(run, n_rows, seed=turn)
            n = tokens if turn else 4  # the first one warms up
            values = ours.measure(texts, n) | floors(model, texts, n) | gpt2.measure(texts, n)
            values["nanoGPT"] = nanogpt(model, texts, max(2, NANOGPT_FORWARDS // n_rows // 4))
            for kind, value in values.items():
                found[n_rows][kind] += [value] if turn else []
    rows = []
    for n_rows, kinds in found.items():
        m = {kind: statistics.median(values) for kind, values in kinds.items()}
        floor = m["forward"] + m["sampling"] + m["JSON"]
        rows.append([
            n_rows, f"**{m['all in']:.0f}**", f"{m['forward']:.0f}", f"{m['sampling']:.0f}",
            f"{m['JSON']:.1f}", f"{m['all in'] / floor:.2f}", f"{m['GPT-2']:.0f}",
            f"{m['GPT-2'] / m['all in']:.1f}", f"{m['nanoGPT']:.0f}",
            f"{m['nanoGPT'] / m['all in']:.1f}",
        ])  # fmt: skip
    columns = [
        "rows", "all in", "forward", "sampling", "JSON", "x floor", "GPT-2", "GPT-2 / ours",
        "nanoGPT", "nanoGPT / ours",
    ]  # fmt: skip
    reads = [
        [n, *(f"{statistics.median(found[n][kind]):.0f}" for kind in kinds)]
        for kinds in [("read", "read floor", "read GPT-2")]
        for n in ROWS
    ]
    read_columns = ["rows that read 64", "engine", "bare `extend`", "GPT-2"]
    head = f"**{name}**, {run.n_params:,} parameters, median of {rounds} rounds, {tokens} tokens\n"
    return f"{head}\n{table(columns, rows)}\n{table(read_columns, reads)}"


def run(options: argparse.Namespace) -> str:
    torch.set_num_threads(1)
    rounds, tokens = (2, 30) if options.quick else (5, TOKENS)
    return "\n".join(measure(name, rounds, tokens) for name in (SMALL, LARGE))
