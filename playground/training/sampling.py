"""Samples and answers of a model in training, for its evaluations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from playground.lm.incremental import empty_cache, extend, left_pad
from playground.lm.model import Transformer
from playground.lm.sampling import (
    BatchParams,
    SamplingParams,
    apply_truncation,
    cumulative_sums,
    philox_uniform,
    sample,
    temperature_logprobs,
)
from playground.lm.tokenizer import Tokenizer
from playground.training.corpora import Corpus


def generate_batch(
    model: Transformer,
    corpus: Corpus[Tokenizer],
    prompts: Sequence[str],
    params: Sequence[SamplingParams],
    n: int,
) -> list[str]:
    """Continue each prompt by n tokens, or up to the corpus's end token."""
    vocabulary, size = corpus.vocabulary, model.config.block_size
    end = vocabulary.encode(corpus.end_token)[0] if corpus.end_token else None
    rows = [vocabulary.encode(prompt) for prompt in prompts]
    u = [
        [philox_uniform(p.seed, len(row) + step) for row, p in zip(rows, params, strict=True)]
        for step in range(n)
    ]
    batch_params = BatchParams.stack(params)
    ids, lengths = left_pad([row[-size:] for row in rows])
    cache, sampled = empty_cache(model, len(rows)), []
    for step_u in np.array(u):
        logits, cache = extend(model, cache, ids, lengths)
        logprobs = temperature_logprobs(logits[:, -1].numpy(), batch_params)
        kept = apply_truncation(logprobs, batch_params)
        tokens = sample(kept, cumulative_sums(kept), batch_params, step_u)
        sampled.append(tokens)
        ids, lengths = torch.from_numpy(tokens[:, None]), torch.ones_like(lengths)
    return [vocabulary.decode(_up_to(row.tolist(), end)) for row in np.transpose(sampled)]


def answer_problems(model: Transformer, corpus: Corpus[Tokenizer]) -> list[tuple[str, str, str]]:
    """(question, right answer, the model's greedy answer) for each problem of the corpus."""
    if not corpus.problems:
        return []
    questions = [problem.question for problem in corpus.problems]
    longest = max(len(problem.answer) for problem in corpus.problems)
    greedy = [SamplingParams(0)] * len(questions)
    texts = generate_batch(model, corpus, questions, greedy, longest)
    return [
        (problem.question, problem.answer, text[: len(problem.answer)])
        for problem, text in zip(corpus.problems, texts, strict=True)
    ]


def _up_to(ids: list[int], end: int | None) -> list[int]:
    return ids[: ids.index(end) + 1] if end is not None and end in ids else ids
