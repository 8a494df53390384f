"""Tokens per second for simultaneous sessions: our engine against two other ways to do it.

    engine        ours: coalesced forwards, the last layer at the last position only; each token
                  with its ten candidates. Nothing is remembered here: every text is another one.
    nanoGPT       the loop of nanoGPT's `generate` with the same weights: one session after the
                  other, a full forward of the last block_size characters, softmax, multinomial
    transformers  GPT2LMHeadModel of the same shape, all sessions in one batch, the head at the
                  last position only. Its cache is of no use here: once the window slides, every
                  position changes.

They take turns in one run, each on as many threads: ours runs a forward on each of them, the others
split theirs.

    python benchmarks/engine.py [--models-dir models] [--session shakespeare] [--threads 2]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

import torch
import transformers

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from playground.checkpoints.folder import Run, load_model, read_run
from playground.inference.engine import Engine
from playground.lm.generation import generate
from playground.lm.model import CharTransformer
from playground.lm.sampling import SamplingParams
from playground.settings import Settings

SESSIONS = (1, 8, 64, 256)
TOKENS = 512  # in one turn, all sessions together
TURNS = 5


class Ours:
    def __init__(self, run: Run, model: CharTransformer, threads: int) -> None:
        self._run, self._model, self._threads = run, model, threads

    def write(self, windows: torch.Tensor, n: int) -> None:
        torch.set_num_threads(1)
        texts = [self._run.vocabulary.decode(window) for window in windows.tolist()]
        asyncio.run(self._all(texts, n))

    async def _all(self, texts: list[str], n: int) -> None:
        engine = Engine(
            batch_rows=Settings().batch_rows,
            threads=self._threads,
            answer_cache_bytes=0,
        )

        async def predict(ids: list[int]) -> object:
            return await engine.logits("model", self._model, ids)

        async def one(seed: int, text: str) -> None:
            config, params = self._run.model_config, SamplingParams(seed=seed)
            vocabulary = self._run.vocabulary
            async for _ in generate(predict, vocabulary, config.block_size, text, params, n=n):
                pass

        await asyncio.gather(*(one(seed, text) for seed, text in enumerate(texts)))
        engine.close()


class NanoGPT:
    def __init__(self, model: CharTransformer) -> None:
        self._model = model

    @torch.inference_mode()
    def write(self, windows: torch.Tensor, n: int) -> None:
        for window in windows:
            ids = window[None]
            for _ in range(n):
                logits = self._model(ids[:, -windows.shape[1] :])[:, -1]
                ids = torch.cat([ids, torch.multinomial(logits.softmax(-1), 1)], 1)


class Gpt2:
    def __init__(self, run: Run) -> None:
        shape = run.model_config
        self._model = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=shape.vocab_size,
                n_positions=shape.block_size,
                n_layer=shape.n_layer * shape.n_loop,
                n_head=shape.n_head,
                n_embd=shape.n_embd,
                n_inner=shape.n_hidden,
                use_cache=False,
                bos_token_id=0,
                eos_token_id=0,
            )
        ).eval()

    @torch.inference_mode()
    def write(self, windows: torch.Tensor, n: int) -> None:
        ids = windows
        for _ in range(n):
            window = ids[:, -windows.shape[1] :]
            logits = self._model(window, logits_to_keep=1).logits[:, -1]
            ids = torch.cat([ids, torch.multinomial(logits.softmax(-1), 1)], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models-dir", type=Path, default=Settings().models_dir)
    parser.add_argument("--session", default="shakespeare")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    run = read_run(options.models_dir / options.session)
    model = load_model(run, None, max_bytes=Settings().checkpoint_bytes)
    writers = {
        "engine": Ours(run, model, options.threads),
        "nanoGPT": NanoGPT(model),
        "transformers": Gpt2(run),
    }

    config = run.model_config
    print(f"{options.session}: {run.n_params:,} parameters, {config}")
    print(f"tokens per second, median of {TURNS} turns, {options.threads} thread(s)")
    print(
        f"{'sessions':>8}" + "".join(f"{name:>14}" for name in writers) + "   engine is faster by"
    )
    for n_sessions in SESSIONS:
        n = max(2, TOKENS // n_sessions)
        rates: dict[str, list[float]] = {name: [] for name in writers}
        for turn in range(1 + TURNS):
            windows = torch.randint(config.vocab_size, (n_sessions, config.block_size))
            for name, writer in writers.items():
                torch.set_num_threads(options.threads)
                began = time.perf_counter()
                writer.write(windows, n)
                if turn:  # the first one warms up
                    rates[name].append(n_sessions * n / (time.perf_counter() - began))
        ours, nano, gpt2 = (statistics.median(rates[name]) for name in writers)
        print(
            f"{n_sessions:8}{ours:14,.0f}{nano:14,.0f}{gpt2:14,.0f}"
            f"   {ours / nano:.1f} x nanoGPT, {ours / gpt2:.1f} x transformers"
        )


if __name__ == "__main__":
    main()
