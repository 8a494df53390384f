"""The smallest random models of many architectures, made by the transformers library itself."""

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WINDOW, TOKENS, PADDED = 12, 270, 272

_SIZES = {
    "vocab_size": PADDED,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": WINDOW,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
_GROUPED = _SIZES | {"num_key_value_heads": 1, "head_dim": 8}
_GPT2 = {"vocab_size": PADDED, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": WINDOW}
CONFIGS = {
    "gpt2": _GPT2,
    "gpt_neo": _SIZES | {"attention_types": [[["global", "local"], 1]], "window_size": 4,
                         "num_layers": 2, "num_heads": 2},
    "gpt_neox": _SIZES,
    "gptj": _GPT2 | {"rotary_dim": 4},
    "opt": {"vocab_size": PADDED, "hidden_size": 16, "word_embed_proj_dim": 16, "ffn_dim": 24,
            "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": WINDOW},
    "llama": _GROUPED | {"tie_word_embeddings": True},
    "mistral": _GROUPED | {"sliding_window": 5},
    "qwen2": _GROUPED,
    "qwen3": _GROUPED,
    "gemma": _GROUPED,
    "gemma2": _GROUPED | {"sliding_window": 5, "query_pre_attn_scalar": 8},
    "phi": _SIZES,
    "bloom": {"vocab_size": PADDED, "hidden_size": 16, "n_layer": 2, "n_head": 2},
    "smollm3": _GROUPED,
    "phi3": _GROUPED | {"max_position_embeddings": 2 * WINDOW,
                        "original_max_position_embeddings": WINDOW,
                        "rope_scaling": {"type": "longrope", "short_factor": [1.0] * 4,
                                         "long_factor": [3.0] * 4}},
}  # fmt: skip


def random_model(name, seed=0):
    """A model of an architecture, its weights large enough that predictions differ."""
    config = transformers.AutoConfig.for_model(name, **CONFIGS[name])
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    return model


def tokenizer():
    """A byte-level one of TOKENS tokens; the first ends a text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS,
        special_tokens=["<|end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    made.train_from_iterator(["the house of the mouse, the other one"] * 3, trainer)
    assert made.get_vocab_size() == TOKENS
    return made


def save(name, folder, seed=0, **how):
    """A folder as `save_pretrained(…, **how)` writes it; returns the model."""
    model = random_model(name, seed)
    model.save_pretrained(folder, **how)
    tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|end|>"}')
    return model


def reference(model, ids, window=WINDOW, n_tokens=TOKENS):
    """Probabilities after each prefix: the library's own forward of its last tokens, no cache."""
    with torch.inference_mode():
        rows = [
            model(input_ids=torch.tensor([ids[max(0, end - window) : end]]), use_cache=False)
            for end in range(1, len(ids) + 1)
        ]
        return torch.stack([row.logits[0, -1, :n_tokens].float().softmax(-1) for row in rows])
