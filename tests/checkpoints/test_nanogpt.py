"""nanoGPT's repos: the logits are those of an independent GPT-2; what is none is refused."""

import asyncio
import json
import math
from hashlib import sha256

import pytest
import torch
from safetensors.torch import save

from playground.checkpoints.folder import load_model
from playground.checkpoints.nanogpt import read_any_run
from playground.checkpoints.schema import INDEX, WEIGHTS, weights_path
from playground.errors import (
    BadCheckpoint,
    HubFileNotFound,
    HubTooLarge,
    NotAPlaygroundModel,
    PlaygroundError,
)
from playground.lm.sampling import SamplingParams
from playground.service.playground import Playground
from tests.checkpoints.gpt2 import (
    CHARACTERS,
    REPO,
    SIZES,
    draw,
    files_with,
    hold_equal,
    logits,
    opened,
)

# --- What can be read -----------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("n_head", [1, 2, 4])
def test_the_logits_are_those_of_gpt2_at_each_position(hub, settings, bias, n_head):
    tensors = draw(bias=bias, n_head=n_head)
    hub.commit(REPO, files_with(tensors, n_head=n_head))
    session, model = opened(settings)
    assert session.session_id == f"{REPO}@{hub.repos[REPO].branches['main']}"
    assert (session.run.config.name, session.run.steps) == ("nano", [0])
    assert "".join(session.run.vocabulary.characters) == CHARACTERS
    assert set(model.state_dict()) >= {"positions", "gain"}
    hold_equal(model, tensors, n_head)
    stored = sum(tensor.numel() for tensor in tensors.values())
    assert 0.8 * stored < session.run.n_params <= 1.1 * stored


def test_it_writes_what_gpt2_writes_and_the_next_process_asks_nobody(hub, settings):
    tensors = draw(bias=False)
    hub.commit(REPO, files_with(tensors))

    async def write(text: str) -> str:
        service = Playground(settings)
        session = await service.load_from_hub(f"{REPO}@{hub.repos[REPO].branches['main']}")
        greedy = SamplingParams(temperature=0)
        generation = await service.generate(session.session_id, text, greedy, n=20)
        written = generation.text
        await service.close()
        return written

    expected = ids = [CHARACTERS.index(c) for c in "abc"]
    for _ in range(20):
        ids = [*ids, int(logits(tensors, ids[-8:], 2)[-1].argmax())]
    expected = "".join(CHARACTERS[id] for id in ids[3:])
    assert asyncio.run(write("abc")) == expected
    hub.stop()
    assert asyncio.run(write("abc")) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda t: {f"_orig_mod.{name}": tensor for name, tensor in t.items()},
        lambda t: t | {"lm_head.weight": t["transformer.wte.weight"].clone()},
        lambda t: {n.replace("transformer.wte", "lm_head"): tensor for n, tensor in t.items()},
    ],
    ids=["compiled", "head and embedding", "head alone"],
)
def test_names_that_are_written_otherwise(hub, settings, change):
    tensors = draw(bias=False)
    hub.commit(REPO, files_with(change(tensors)))
    hold_equal(opened(settings)[1], tensors)


def test_configs_that_are_written_otherwise(hub, settings):
    tensors, files = draw(bias=True), files_with(draw(bias=True))
    gpt2 = {name: value for name, value in SIZES.items() if name != "block_size"}
    for config, step in (
        ({"model_args": SIZES, "iter_num": 500, "best_val_loss": 1.5}, 500),
        (gpt2 | {"n_positions": 8, "n_ctx": 8, "activation_function": "gelu"}, 0),
        (gpt2 | {"n_ctx": 8, "n_inner": None, "max_iters": 70, "learning_rate": 1e-3}, 70),
    ):
        hub.commit("ada/other", files | {"config.json": json.dumps(config).encode()})
        session, model = opened(settings, f"ada/other@{hub.repos['ada/other'].branches['main']}")
        assert session.run.steps == [step]
        hold_equal(model, tensors)


@pytest.mark.parametrize("fields", [{}, {"n_layer": None, "n_head": None, "n_embd": None}])
def test_a_config_of_mingpt_may_name_its_size(hub, settings, fields):
    tensors = draw(bias=True, n_layer=3, n_head=3, n_embd=48)
    model_fields = {"model_type": "gpt-nano", "block_size": 8, "vocab_size": len(CHARACTERS)}
    config = {"system": {"seed": 3407}, "model": model_fields | fields}
    hub.commit(REPO, files_with(tensors) | {"config.json": json.dumps(config).encode()})
    _, model = opened(settings)
    hold_equal(model, tensors, n_head=3, tanh=True)


IDS = {c: i for i, c in enumerate(CHARACTERS)}
ITOS = {str(i): c for c, i in IDS.items()}
TOKENIZER = {"version": "1.0", "model": {"type": "WordLevel", "vocab": IDS, "unk_token": "a"}}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("vocab.json", IDS),
        ("vocab.json", dict(reversed(IDS.items()))),
        ("vocab.json", list(CHARACTERS)),
        ("vocab.json", ITOS),
        ("vocab.json", {"vocab_size": len(IDS), "stoi": IDS, "itos": ITOS}),
        ("vocab.json", {"itos": list(CHARACTERS)}),
        ("tokenizer.json", TOKENIZER),
        ("tokenizer.json", IDS),
    ],
)
def test_vocabularies_as_people_keep_them(hub, settings, file, content):
    files = files_with(draw(bias=False))
    del files["vocab.json"]
    hub.commit(REPO, files | {file: json.dumps(content).encode()})
    session, _ = opened(settings)
    assert "".join(session.run.vocabulary.characters) == CHARACTERS


def test_a_chinese_alphabet(hub, settings):
    characters = [chr(0x4E00 + i) for i in range(4_500)]
    vocab = {c: i for i, c in enumerate(characters)}
    tensors = draw(bias=False, vocab_size=4_500)
    hub.commit(REPO, files_with(tensors, vocab, vocab_size=4_500))
    session, model = opened(settings)
    assert session.run.vocabulary.characters == tuple(characters)
    hold_equal(model, tensors)


@pytest.mark.parametrize("content", ["[]", "{}", "null"])
def test_an_index_without_a_step_is_none(hub, settings, content, tmp_path):
    tensors = draw(bias=True)
    files = files_with(tensors) | {INDEX: content.encode()}
    hub.commit(REPO, files)
    session, model = opened(settings)
    assert session.run.steps == [0]
    hold_equal(model, tensors)
    (tmp_path / "there" / "checkpoints").mkdir(parents=True)
    for name, held in files.items():
        (tmp_path / "there" / name).write_bytes(held)
    assert read_any_run(tmp_path / "there", "nano").steps == [0]


def test_an_index_of_a_nanogpt_tells_its_steps(hub, settings):
    files = files_with(draw(bias=True))
    early, last = files[WEIGHTS], files_with(draw(bias=True, seed=1))[WEIGHTS]
    path = weights_path(50, final=False)
    hub.commit(
        REPO,
        files
        | {path: early, WEIGHTS: last, INDEX: index_of((50, path, early), (90, WEIGHTS, last))},
    )
    assert opened(settings)[0].run.steps == [50, 90]
    hub.commit(REPO, files | {INDEX: index_of((50, path, early))})
    with pytest.raises(HubFileNotFound, match=f"{path}"):
        opened(settings)
    hub.commit(REPO, files | {INDEX: b'[{"step": 1}]'})
    with pytest.raises(
        BadCheckpoint, match=r"^checkpoints/index.json: 0.tokens: This field is mis"
    ):
        opened(settings)


def index_of(*steps):
    lines = [
        {
            "step": step,
            "tokens": 0,
            "path": path,
            "sha256": sha256(content).hexdigest(),
            "bytes": len(content),
        }
        for step, path, content in steps
    ]
    return json.dumps(lines).encode()


def test_steps_in_branches_of_a_main_branch_without_any_file(hub, settings):
    hub.commit(REPO, {"README.md": b"# The steps are in branches"})
    steps = {step: draw(bias=False, seed=step) for step in (0, 100, 2000)}
    for step, tensors in steps.items():
        hub.commit(REPO, files_with(tensors), branch=f"step{step}")
    main = hub.repos[REPO].branches["main"]

    async def scenario():
        service = Playground(settings)
        session = await service.load_from_hub(REPO)
        assert session.session_id == f"{REPO}@{main}"
        for step in steps:
            await service.generate(
                session.session_id, "abc", SamplingParams(temperature=0), n=1, step=step
            )
        await service.close()
        return session.run

    run = asyncio.run(scenario())
    assert run.steps == [0, 100, 2000]
    for step, tensors in steps.items():
        hold_equal(load_model(run, step, max_bytes=2**20), tensors)


def test_only_what_is_needed_is_fetched_from_the_pinned_commit(hub, settings):
    extra = {"ckpt.pt": b"x", "model.py": b"x", "merges.txt": b"x", "../evil": b"x"}
    commit = hub.commit(REPO, files_with(draw(bias=False)) | extra)
    opened(settings)
    files = [line.split("/resolve/")[1] for line in hub.log if "/resolve/" in line]
    assert files == [f"{commit}/{name}" for name in ("config.json", "vocab.json", WEIGHTS)]


# --- What is refused ------------------------------------------------------------------------------


def tensors_changed(change):
    def apply(files):
        tensors = draw(bias=False)
        changed = change(tensors)
        return files | {WEIGHTS: save(tensors if changed is None else changed)}

    return apply


def with_config(**config):
    return lambda files: (
        files | {"config.json": json.dumps(json.loads(files["config.json"]) | config).encode()}
    )


def with_vocabulary(content, file="vocab.json"):
    def apply(files):
        kept = {name: value for name, value in files.items() if name != "vocab.json"}
        return kept | {
            file: content if isinstance(content, bytes) else json.dumps(content).encode()
        }

    return apply


def first_weight(value):
    def change(tensors):
        tensors["transformer.h.1.mlp.c_fc.weight"][0, 0] = value

    return tensors_changed(change)


def own_head(tensors):
    return tensors | {"lm_head.weight": tensors["transformer.wte.weight"] + 1}


BYTES = TOKENIZER | {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}}
REFUSED = {
    "a million layers": (with_config(n_layer=10**6), "n_layer must be a whole number from 1 to 16"),
    "a vocabulary of words": (with_config(vocab_size=50257), "lists 11 characters, config"),
    "no size of a vocabulary": (with_config(vocab_size="11"), "vocab_size must be a whole number"),
    "too wide": (with_config(n_embd=768), "n_embd must be"),
    "a huge hidden width": (with_config(n_inner=10**9), "n_inner: n_hidden must be"),
    "no number": (with_config(n_embd="16"), "n_embd must be"),
    "a list": (with_config(n_embd=[16] * 1000), "n_embd must be"),
    "no size": (with_config(block_size=None), "block_size must be"),
    "heads that do not fit": (with_config(n_head=3), "multiples of twice n_head"),
    "no bias that can be": (with_config(bias=None), "bias must be true or false"),
    "another activation": (
        with_config(activation_function="silu"), "activation_function must be one of gelu,",
    ),
    "an epsilon of 0": (
        with_config(layer_norm_epsilon=0), "layer_norm_epsilon: norm_eps must be a number above 0",
    ),
    "an epsilon that is text": (with_config(layer_norm_epsilon="1e-6"), "must be a number above"),
    "another head": (with_config(tie_word_embeddings=False), "lacks tensors: lm_head.weight"),
    "no JSON": (lambda files: files | {"config.json": b"{"}, "config.json is no JSON"),
    "no object": (lambda files: files | {"config.json": b"[]"}, "must be a JSON object"),
    "deep JSON": (lambda files: files | {"vocab.json": b"[" * 10**5}, "vocab.json is no JSON"),
    "half a character": (with_vocabulary(b'["\\ud800"]'), "vocab.json is no JSON"),
    "another kind": (
        lambda files: files | {"config.json": b'{"model_type": "bert", "hidden_size": 768}'},
        "it has no tokenizer.json: make one",
    ),
    "fewer characters": (with_vocabulary(["a", "b", "c"]), "lists 3 characters, config"),
    "words": (with_vocabulary(["the", *CHARACTERS[1:]]), "tokens of several characters"),
    "numbers for characters": (with_vocabulary([1, *CHARACTERS[1:]]), "not one of characters"),
    "the same twice": (with_vocabulary(["a", "a", *CHARACTERS[2:]]), "twice"),
    "numbers with a gap": (with_vocabulary(IDS | {",": 99}), "nor their numbers from 0 on"),
    "numbers far apart": (with_vocabulary({"a": 10**18, "b": 0}), "nor their numbers from 0 on"),
    "a number twice": (with_vocabulary(IDS | {",": 0}), "nor their numbers from 0 on"),
    "true for a number": (with_vocabulary(IDS | {",": True}), "not a list of characters"),
    "something else": (with_vocabulary({"a": {"b": 1}}), "not a list of characters"),
    "nothing": (with_vocabulary({}), "at least one character"),
    "bytes": (with_vocabulary(BYTES, "tokenizer.json"), "its tokens are bytes, or words"),
    "no weights": (
        lambda files: {k: v for k, v in files.items() if k != WEIGHTS} | {"ckpt.pt": b"\x80\x04."},
        rf"has no {WEIGHTS}\. .* found .*ckpt.pt",
    ),
    "no vocabulary": (
        lambda files: {k: v for k, v in files.items() if k != "vocab.json"}, "has no vocab.json",
    ),
    "NaN": (first_weight(math.nan), "not finite"),
    "infinite": (first_weight(math.inf), "not finite"),
    "what overflows": (first_weight(3e38), "answers are not finite"),
    "an extra tensor": (tensors_changed(lambda t: t | {"x": torch.ones(1)}), "has extra"),
    "a missing tensor": (
        tensors_changed(lambda t: {k: t[k] for k in [*t][:-1]}), "lacks tensors: transformer.ln_f",
    ),
    "no table": (
        tensors_changed(lambda t: {k: t[k] for k in [*t][1:]}), "lacks .* transformer.wte.weight",
    ),
    "biases that are missing": (with_config(bias=True), r"lacks tensors: transformer\.h\.0"),
    "a prefix for one": (
        tensors_changed(lambda t: {("_orig_mod." if "wpe" in k else "") + k: t[k] for k in t}),
        "lacks tensors: _orig_mod",
    ),
    "another shape": (with_config(block_size=9), "wpe.weight has the shape .*makes it"),
    "integers": (tensors_changed(lambda t: {k: v.int() for k, v in t.items()}), "is I32, not F32"),
    "a head of its own, though it is tied": (
        lambda files: with_config(tie_word_embeddings=True)(tensors_changed(own_head)(files)),
        "lm_head.weight is not the same",
    ),
    "empty weights": (
        lambda f: f | {WEIGHTS: b""}, f"{REPO} is not a playground model: {WEIGHTS} is empty",
    ),
    "a pickle by another name": (lambda f: f | {WEIGHTS: b"\x80\x04cos\nsystem\n."}, "safetensors"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_the_same_model_is_refused_and_leaves_nothing(name, hub, settings):
    change, sentence = REFUSED[name]
    hub.commit(REPO, change(files_with(draw(bias=False))))
    with pytest.raises(BadCheckpoint, match=sentence) as caught:
        opened(settings)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert [path for path in settings.hub_cache_dir.rglob("*") if path.is_file()] == []


def test_a_config_is_refused_before_anything_else_is_read(hub, settings):
    hub.commit(REPO, with_config(n_embd=768)(files_with(draw(bias=False))))
    with pytest.raises(NotAPlaygroundModel, match=f"^{REPO} is not a playground model: "):
        opened(settings)
    assert hub.asked("/resolve/") == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"checkpoint_bytes": 1000}, "is too large: .* MB of weights in one file; the limit"),
        ({"hub_repo_bytes": 1000}, "is too large: .* MB of weights in all; the limit"),
        ({"hub_gigaflops": 1e-6}, "GFLOP for a character; the limit here is 1e-06"),
    ],
)
def test_sizes_are_checked_before_a_byte_of_weights_is_read(hub, settings, values, sentence):
    hub.commit(REPO, files_with(draw(bias=False)))
    with pytest.raises(HubTooLarge, match=sentence):
        opened(settings.model_copy(update=values))
    assert hub.asked("safetensors") == 0


def test_large_texts_are_not_read(hub, settings):
    files = files_with(draw(bias=False))
    for name, n_read in (("config.json", 0), ("vocab.json", 1)):
        hub.commit(REPO, files | {name: b" " * (2**20 + 1)})
        with pytest.raises(HubTooLarge, match=rf"^{name} of ada/nano has 1 MB; the limit is 1 MB"):
            opened(settings)
        assert hub.asked("/resolve/") == n_read


def test_weights_that_are_not_those_of_the_commit(hub, settings):
    files = files_with(draw(bias=False))
    hub.commit(REPO, files)
    hub.fail("GET", "cdn", lie=files[WEIGHTS][:-1] + b"\x07")
    with pytest.raises(BadCheckpoint, match="sha256"):
        opened(settings)


def test_a_step_branch_without_weights(hub, settings):
    files = files_with(draw(bias=False))
    hub.commit(REPO, files)
    hub.commit(REPO, {"config.json": files["config.json"]}, branch="step5")
    with pytest.raises(HubFileNotFound, match=f"^step 5 of {REPO} has no {WEIGHTS}$"):
        opened(settings)


@pytest.mark.parametrize(
    "lie", [b'{"branches": [{"name": 3, "targetCommit": "x"}]}', b'{"branches": [3]}', b"[]"]
)
def test_a_list_of_branches_that_makes_no_sense(hub, settings, lie):
    hub.commit(REPO, files_with(draw(bias=False)))
    hub.fail("GET", "/refs", lie=lie)
    with pytest.raises(PlaygroundError, match="branches makes no sense"):
        opened(settings)
