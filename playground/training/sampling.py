"""Samples and answers of a model in training, for its evaluations."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from playground.lm.model import CharTransformer
from playground.lm.sampling import Array, SamplingParams, log_softmax, truncate_and_sample
from playground.training.corpora import Corpus


@torch.inference_mode()
def generate_batch(
    model: CharTransformer,
    corpus: Corpus,
    prompts: Sequence[str],
    params: Sequence[SamplingParams],
    n: int,
) -> list[str]:
    """Continue each prompt by n characters, or up to the corpus's end token."""
    vocabulary, size = corpus.vocabulary, model.config.block_size
    end = vocabulary.encode(corpus.end_token)[0] if corpus.end_token else None
    rows = [vocabulary.encode(prompt) for prompt in prompts]
    starts = [len(row) for row in rows]
    for _ in range(n):
        windows = [row[-size:] for row in rows]
        lengths = torch.tensor([len(window) for window in windows])
        ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
        for row, window in zip(ids, windows, strict=True):
            row[: len(window)] = torch.tensor(window)
        logprobs = log_softmax(model.forward_last(ids, lengths).numpy())
        for row, row_logprobs, row_params in zip(rows, logprobs, params, strict=True):
            row.append(_sample(row_logprobs, row_params, len(row)))
    return [vocabulary.decode(_up_to(row[k:], end)) for row, k in zip(rows, starts, strict=True)]


def answer_problems(model: CharTransformer, corpus: Corpus) -> list[tuple[str, str, str]]:
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


def _sample(logprobs: Array, params: SamplingParams, position: int) -> int:
    if params.temperature:
        logprobs = log_softmax(logprobs / params.temperature)
    return truncate_and_sample(logprobs, params, position)


def _up_to(ids: list[int], end: int | None) -> list[int]:
    return ids[: ids.index(end) + 1] if end is not None and end in ids else ids
