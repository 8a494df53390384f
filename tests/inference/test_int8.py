"""8-bit weights: near the model that they are made from, each row for itself, memory once."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from playground.inference.int8 import Int8Embedding, Int8Linear, quantize, quantize_model
from playground.inference.transformers_model import TransformersModel
from playground.lm.incremental import left_pad
from playground.settings import ROOT
from tests.inference.pretrained import CONFIGS, TOKENS, WINDOW, random_model

TEXT = [1, 60, 3, 200, 17, 9, 120, 44, 250, 31]


def wrapped(model):
    return TransformersModel(model, n_tokens=TOKENS, block_size=WINDOW)


def layers(model, kind):
    return [module for module in model.modules() if isinstance(module, kind)]


def test_a_row_is_rounded_to_its_own_scale():
    rows = torch.tensor([[1.0, -0.5, 0.25], [0.0, 0.0, 0.0], [1e6, -1e6, 3e5]])
    values, scales = quantize(rows)
    assert values.dtype == torch.int8
    assert values.tolist() == [[127, -64, 32], [0, 0, 0], [127, -127, 38]]
    assert torch.allclose(values * scales, rows, rtol=0, atol=float(scales.max()) / 2)
    assert (values * scales)[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (16, 24), (17, 129), (64, 1000)])
def test_products_are_those_of_the_rounded_numbers_and_no_row_knows_of_another(size):
    n_in, n_out = size
    torch.manual_seed(0)
    weight, bias, x = torch.randn(n_out, n_in), torch.randn(n_out), torch.randn(31, n_in) * 3
    values, scales = quantize(weight)
    frozen = [nn.Parameter(t, False) for t in (values, scales[:, 0], bias)]
    layer = Int8Linear(*frozen)
    together = layer(x)
    rows, row_scales = quantize(x)
    exact = (rows.double() @ values.double().t()) * (row_scales * scales[:, 0]).double()
    assert torch.allclose(together.double(), exact + bias, rtol=1e-5, atol=1e-5)
    for n in (1, 2, 8, 31):
        assert torch.equal(layer(x[:n]), together[:n])
    assert torch.equal(layer(x.view(31, 1, n_in))[:, 0], together)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_linear_layer_of_an_architecture_is_rounded_and_its_odds_stay_near(name):
    exact, rounded = random_model(name), random_model(name)
    n_params = sum(p.numel() for p in rounded.parameters())
    if type(embedding := rounded.get_input_embeddings()) is not nn.Embedding:
        n_params += embedding.weight.numel()  # it stays, and the head that was tied to it does not
    quantize_model(rounded)
    assert layers(rounded, Int8Linear)
    assert not [m for m in rounded.modules() if type(m) in (nn.Linear, Conv1D)]
    parameters = list(rounded.parameters())
    counted = sum(p.numel() for p in parameters)
    scales = sum(len(m.weight) for m in layers(rounded, (Int8Linear, Int8Embedding)))
    assert n_params <= counted <= n_params + scales
    with torch.inference_mode():
        ids = torch.tensor([TEXT])
        expected, found = (m(input_ids=ids).logits.softmax(-1) for m in (exact, rounded))
    assert float((expected - found).abs().max()) < 0.1
    assert float((expected - found).abs().sum(-1).mean()) < 0.1


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma"])
def test_what_is_tied_is_kept_once(name):
    model = random_model(name)
    tied = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert tied
    quantize_model(model)
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    assert isinstance(head, Int8Linear)
    if isinstance(embedding, Int8Embedding):  # of Gemma it is a class of its own
        assert embedding.weight is head.weight


@pytest.mark.parametrize("name", ["llama", "gpt2", "gpt_neox", "qwen3", "opt"])
def test_a_text_is_continued_as_a_whole_and_in_company(name):
    model = random_model(name)
    quantize_model(model)
    ours = wrapped(model)
    whole = ours(torch.tensor([TEXT]))[0].softmax(-1)
    for parts in ([10], [1] * 10, [7, 3]):
        state, at, found = ours.empty_state(1), 0, []
        for n in parts:
            ids = torch.tensor([TEXT[at : at + n]])
            logits, state = ours.extend(state, ids, torch.tensor([n]))
            found.append(logits[0, -1].softmax(-1))
            at += n
        assert torch.allclose(found[-1], whole[-1], atol=0.02)
    crowd = [TEXT, *([(7 * row + at) % TOKENS for at in range(1 + row % 9)] for row in range(30))]
    logits, _ = ours.extend(ours.empty_state(len(crowd)), *left_pad(crowd))
    assert torch.allclose(logits[0, -1].softmax(-1), whole[-1], atol=0.02)


@pytest.mark.parametrize("name", CONFIGS)
def test_rows_of_one_length_do_not_move_each_other_by_a_bit(name):
    model = random_model(name)
    quantize_model(model)
    ours = wrapped(model)
    texts = [TEXT, *([(7 * row + at) % TOKENS for at in range(len(TEXT))] for row in range(7))]
    found = []
    for some in (texts[:1], texts):
        _, state = ours.extend(ours.empty_state(len(some)), *left_pad([t[:-1] for t in some]))
        newest = torch.tensor([text[-1:] for text in some])
        found.append(ours.extend(state, newest, torch.ones(len(some), dtype=torch.long))[0][0])
    assert torch.equal(*found)


EXACT = """
import torch
from playground.inference.int8 import int8_product
torch.manual_seed(0)
for n_in, n_out in ((1, 1), (64, 16), (576, 1536), (3000, 64)):
    for low in (-127, 100):
        x = torch.randint(low, 128, (32, n_in), dtype=torch.int8)
        weight = torch.randint(low, 128, (n_out, n_in), dtype=torch.int8)
        exact = x.long() @ weight.long().t()
        for n in (1, 2, 32):
            assert torch.equal(int8_product(x[:n], weight).long(), exact[:n]), (n_in, n_out, n)
"""


@pytest.mark.parametrize("isa", ["DEFAULT", "AVX2", "AVX512_CORE"])
def test_sums_are_exact_on_processors_without_int8_products_too(isa):
    environ = os.environ | {"ONEDNN_MAX_CPU_ISA": isa}
    done = subprocess.run(
        [sys.executable, "-c", EXACT], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
