"""An independent GPT-2, as the paper has it, with weights by nanoGPT's names, and repos of it."""

import asyncio
import json
import math

import torch
from safetensors.torch import save
from torch import Tensor

from playground.checkpoints.folder import load_model
from playground.checkpoints.schema import WEIGHTS
from playground.lm.incremental import empty_cache, extend, left_pad
from playground.service.playground import Playground

REPO = "ada/nano"
CHARACTERS = "\n abcdefgh,"
SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 8, "vocab_size": len(CHARACTERS)}


def draw(*, bias: bool, seed: int = 0, **sizes: int) -> dict[str, Tensor]:
    """Weights by nanoGPT's names; none of them is a neutral 0 or 1."""
    sizes = SIZES | sizes
    width, generator = sizes["n_embd"], torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        return 0.3 * torch.randn(*shape, generator=generator)

    tensors = {
        "transformer.wte.weight": some(sizes["vocab_size"], width),
        "transformer.wpe.weight": some(sizes["block_size"], width),
    }
    for name, shape in (
        (name, shape)
        for layer in range(sizes["n_layer"])
        for name, shape in {
            f"transformer.h.{layer}.ln_1": (width,),
            f"transformer.h.{layer}.attn.c_attn": (3 * width, width),
            f"transformer.h.{layer}.attn.c_proj": (width, width),
            f"transformer.h.{layer}.ln_2": (width,),
            f"transformer.h.{layer}.mlp.c_fc": (4 * width, width),
            f"transformer.h.{layer}.mlp.c_proj": (width, 4 * width),
        }.items()
    ):
        tensors[f"{name}.weight"] = some(*shape) + (1 if "ln" in name else 0)
        if bias:
            tensors[f"{name}.bias"] = some(shape[0])
    tensors["transformer.ln_f.weight"] = 1 + some(width)
    if bias:
        tensors["transformer.ln_f.bias"] = some(width)
    return tensors


def logits(
    tensors: dict[str, Tensor],
    ids: list[int],
    n_head: int,
    *,
    tanh: bool = False,
    eps: float = 1e-5,
) -> Tensor:
    """GPT-2's logits (T, V) for a window, in doubles, one position after the other.

    tanh: the GELU is approximated, as in GPT-2's own code.
    """
    held = {name: tensor.double() for name, tensor in tensors.items()}

    def linear(x: Tensor, name: str) -> Tensor:
        y = x @ held[f"{name}.weight"].T
        return y + held[f"{name}.bias"] if f"{name}.bias" in held else y

    def norm(x: Tensor, name: str) -> Tensor:
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        y = (x - mean) / torch.sqrt(variance + eps) * held[f"{name}.weight"]
        return y + held[f"{name}.bias"] if f"{name}.bias" in held else y

    def gelu(x: Tensor) -> Tensor:
        if tanh:
            inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
            return 0.5 * x * (1 + torch.tanh(inner))
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))

    def attention(x: Tensor, name: str) -> Tensor:
        n_time, width = x.shape
        size = width // n_head
        q, k, v = linear(x, f"{name}.c_attn").chunk(3, 1)
        rows = []
        for t in range(n_time):
            heads = []
            for h in range(n_head):
                at = slice(h * size, (h + 1) * size)
                weight = ((k[: t + 1, at] @ q[t, at]) / math.sqrt(size)).softmax(0)
                heads.append(weight @ v[: t + 1, at])
            rows.append(torch.cat(heads))
        return linear(torch.stack(rows), f"{name}.c_proj")

    x = held["transformer.wte.weight"][ids] + held["transformer.wpe.weight"][: len(ids)]
    n_layer = sum(name.endswith("ln_1.weight") for name in held)
    for layer in range(n_layer):
        at = f"transformer.h.{layer}"
        x = x + attention(norm(x, f"{at}.ln_1"), f"{at}.attn")
        x = x + linear(gelu(linear(norm(x, f"{at}.ln_2"), f"{at}.mlp.c_fc")), f"{at}.mlp.c_proj")
    head = held.get("lm_head.weight", held["transformer.wte.weight"])
    return norm(x, "transformer.ln_f") @ head.T


def files_with(tensors: dict[str, Tensor], vocabulary=CHARACTERS, **config) -> dict[str, bytes]:
    bias = any(name.endswith("bias") for name in tensors)
    vocab = vocabulary if isinstance(vocabulary, dict) else {c: i for i, c in enumerate(vocabulary)}
    return {
        "config.json": json.dumps(SIZES | {"bias": bias, "dropout": 0.2} | config).encode(),
        "vocab.json": json.dumps(vocab).encode(),
        WEIGHTS: save({name: tensor.contiguous() for name, tensor in tensors.items()}),
    }


def opened(settings, repo_id=REPO):
    """The session of a repo, and its last model."""

    async def scenario():
        service = Playground(settings)
        try:
            return await service.load_from_hub(repo_id)
        finally:
            await service.close()

    session = asyncio.run(scenario())
    return session, load_model(session.run, None, max_bytes=2**20)


@torch.inference_mode()
def hold_equal(model, tensors, n_head=2, *, tanh=False, eps=1e-5):
    """Equal logits at each position of full windows, by the whole forward and by the short one."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.randint(len(CHARACTERS), (4, model.config.block_size), generator=generator)
    for ids in rows:
        expected = logits(tensors, ids.tolist(), n_head, tanh=tanh, eps=eps).float()
        torch.testing.assert_close(model(ids[None])[0], expected, atol=1e-5, rtol=1e-5)
        for length in range(1, len(ids) + 1):
            last = extend(model, empty_cache(model, 1), *left_pad([ids[:length].tolist()]))[0][0, 0]
            torch.testing.assert_close(last, expected[length - 1], atol=1e-5, rtol=1e-5)
