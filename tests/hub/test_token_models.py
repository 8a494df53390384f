"""Models of the transformers library from the Hub: opened, played, and refused with a sentence."""

import asyncio
import json
from functools import partial

import pytest
import torch

pytest.importorskip("transformers")

from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from tokenizers import Tokenizer

from playground.checkpoints.schema import CONFIG, INDEX, SHARD_INDEX, TOKENIZER, WEIGHTS
from playground.checkpoints.transformers_folder import TransformersRun
from playground.errors import BadCheckpoint, HubTooLarge, InvalidInput
from playground.lm.sampling import SamplingParams
from playground.service.playground import Playground
from tests.hub.fake_hub import files_of
from tests.hub.scenarios import run
from tests.inference.pretrained import CONFIGS, PADDED, TOKENS, WINDOW, reference, save

REPO = "ada/tokens"
TEXT = "the house of the mouse, the other one — don’t 😀"
GREEDY = SamplingParams(temperature=0)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """`saved(name)`: the files of an architecture's model, and the model."""
    known = {}

    def make(name):
        if name not in known:
            folder = tmp_path_factory.mktemp("pretrained") / name
            folder.mkdir()
            known[name] = save(name, folder), files_of(folder)
        return known[name]

    return make


@pytest.mark.parametrize("name", CONFIGS)
def test_each_architecture_opens_and_predicts_what_the_library_does(hub, settings, saved, name):
    model, files = saved(name)
    hub.commit(REPO, files)

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        assert isinstance(session.run, TransformersRun)
        assert session.run.config.end_token == "<|end|>"
        ids = session.run.vocabulary.encode(TEXT)
        generation = await service.generate(session.session_id, TEXT, GREEDY, n=5)
        assert generation.position == len(ids)
        return session, ids, generation

    session, ids, generation = run(settings, scenario)
    size = session.run.model_config.block_size
    assert size == (1024 if name == "bloom" else WINDOW)  # it has no positions, and no window
    ids += generation.steps.token.tolist()
    expected = reference(model, ids, size)[-6:-1]
    steps = generation.steps
    for row, token in enumerate(steps.token.tolist()):
        assert steps.prob[row] == pytest.approx(float(expected[row].max()), abs=1e-5)
        assert float(expected[row, token]) == pytest.approx(float(expected[row].max()), abs=1e-5)
        found = torch.from_numpy(steps.candidate_prob[row]).float()
        torch.testing.assert_close(found, expected[row].topk(10)[0], atol=1e-5, rtol=0)


def test_it_is_opened_again_from_disk_without_the_hub(hub, settings, saved):
    hub.commit(REPO, saved("llama")[1])

    async def first(service):
        session = await service.load_from_hub(REPO)
        generation = await service.generate(session.session_id, TEXT, GREEDY, n=3)
        return session.session_id, generation.text

    session_id, text = run(settings, first)

    async def again(service):
        with hub.counted() as asked:
            generation = await service.generate(session_id, TEXT, GREEDY, n=3)
        return generation.text, asked, service.registered_run(session_id).n_params

    found, asked, n_params = run(settings, again)
    assert (found, asked) == (text, [])
    assert n_params == sum(p.numel() for p in saved("llama")[0].parameters())


def test_branches_are_steps_of_which_a_dozen_is_shown(hub, settings, saved, tmp_path):
    (tmp_path / "other").mkdir()
    other, files = save("gpt_neox", tmp_path / "other", seed=5), saved("gpt_neox")[1]
    hub.commit(REPO, files)
    for step in range(30):
        mine = files_of(tmp_path / "other") if step == 0 else files
        hub.commit(REPO, mine, branch=f"step{step}")

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        weights = hub.asked(r"cdn .*safetensors")
        assert len(session.run.steps) == 12
        assert session.run.steps[0] == 0
        assert session.run.steps[-1] == 29
        first = await service.generate(session.session_id, "the", GREEDY, n=1, step=0)
        return weights, session.run.vocabulary.encode("the"), first

    weights, ids, first = run(settings, scenario)
    assert weights == 1  # those of the last step, until another is asked for
    assert first.steps.prob[0] == pytest.approx(float(reference(other, ids)[-1].max()), abs=1e-5)


def config_with(files, **changes):
    return files | {CONFIG: json.dumps(json.loads(files[CONFIG]) | changes).encode()}


def without(files, *names):
    return {name: content for name, content in files.items() if name not in names}


def in_shards(files, shards):
    """The files with weights in shards, one tensor each."""
    index = {"weight_map": {f"tensor{n}": name for n, name in enumerate(shards)}}
    return without(files, WEIGHTS) | shards | {SHARD_INDEX: json.dumps(index).encode()}


def with_tensors(files, change):
    """The files with weights that `change(tensors)` gives."""
    return files | {WEIGHTS: save_tensors(change(load_tensors(files[WEIGHTS])))}


def infinite_weights(model):
    tensors = {name: t.clone() for name, t in model.state_dict().items() if "lm_head" not in name}
    next(iter(tensors.values()))[0] = torch.nan
    return save_tensors(tensors)


REFUSED = {
    "code of its own": (lambda f, m: config_with(f, auto_map={"AutoModel": "x.Y"}), "auto_map"),
    "pickled": (lambda f, m: without(f, WEIGHTS) | {"pytorch_model.bin": b"x"}, "pickled"),
    "an adapter": (
        lambda f, m: {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"},
        "merge_and_unload",
    ),
    "gguf": (lambda f, m: {"model.q4.gguf": b"x"}, "GGUF"),
    "in a thousand shards": (
        lambda f, m: in_shards(
            f, {f"model-{n:05}-of-01000.safetensors": b"x" for n in range(1000)}
        ),
        "in 1000 files; the limit here is 16",
    ),
    "in shards elsewhere": (
        lambda f, m: in_shards(f, {"../model-00001-of-00001.safetensors": b"x"}),
        'names "../model-00001-of-00001.safetensors"',
    ),
    "in shards that nothing lists": (
        lambda f, m: without(f, WEIGHTS) | {SHARD_INDEX: b"{}"},
        "does not say in weight_map",
    ),
    "in shards that lie": (
        lambda f, m: in_shards(
            f,
            {
                f"model-0000{n}-of-00002.safetensors": save_tensors({"x": torch.zeros(3 * 2**16)})
                for n in (1, 2)
            },
        ),
        r"model-\*.safetensors holds far more",
    ),
    "quantized": (
        lambda f, m: config_with(f, quantization_config={"quant_method": "gptq"}),
        "quantized",
    ),
    "another head": (lambda f, m: config_with(f, architectures=["BertModel"]), "continues a text"),
    "unknown": (
        lambda f, m: config_with(f, model_type="brainwave", architectures=["BrainForCausalLM"]),
        'no architecture "brainwave"',
    ),
    "no tokenizer": (lambda f, m: without(f, TOKENIZER), "no tokenizer.json"),
    "a broken tokenizer": (lambda f, m: f | {TOKENIZER: b"{}"}, "cannot be read"),
    "too many tokens": (
        lambda f, m: config_with(f, vocab_size=10**6),
        "1000000 tokens; the limit here is 160000",
    ),
    "no vocabulary": (lambda f, m: config_with(f, vocab_size="many"), "vocab_size"),
    "layers without end": (
        lambda f, m: config_with(f, num_hidden_layers=10**8),
        "makes no model",
    ),
    "too wide": (
        lambda f, m: config_with(f, hidden_size=32768, intermediate_size=65536, head_dim=16384),
        "million parameters; the limit here is 200 million",
    ),
    "weights that lie": (
        lambda f, m: f | {WEIGHTS: save_tensors({"x": torch.zeros(2**20)})},
        "holds far more",
    ),
    "weights of another model": (
        lambda f, m: f | {WEIGHTS: save_tensors({"x": torch.zeros(2)})},
        "lacks tensors",
    ),
    "fewer layers than are there": (
        lambda f, m: config_with(f, num_hidden_layers=1),
        r"config\.json does not describe \(model\.layers\.1\..*save both anew",
    ),
    "no layers": (lambda f, m: config_with(f, num_hidden_layers=0), "makes no model: 0 layers"),
    "tensors of something else": (
        lambda f, m: with_tensors(f, lambda t: t | {"v_head.weight": torch.ones(2)}),
        r"does not describe \(v_head\.weight\)",
    ),
    "whole numbers": (
        lambda f, m: with_tensors(f, lambda t: {n: v.to(torch.int8) for n, v in t.items()}),
        "is int8, not F32",
    ),
    "another shape": (
        lambda f, m: with_tensors(f, lambda t: t | {"model.norm.weight": torch.ones(8)}),
        r"model\.norm\.weight has the shape .*8.* config\.json makes it .*16",
    ),
    "fewer rows in the weights than tokens": (
        lambda f, m: with_rows(f, lambda name: TOKENS - 1),
        rf"embed_tokens\.weight has the shape .*{TOKENS - 1}.* config\.json makes it .*{PADDED}",
    ),
    "a head of its own that is not there": (
        lambda f, m: config_with(f, tie_word_embeddings=False),
        r"has no lm_head\.weight, the head.* set tie_word_embeddings to true",
    ),
    "far too large": (
        lambda f, m: with_tensors(f, lambda t: t | {"model.norm.weight": torch.full((16,), 3e38)}),
        "answers are not finite",
    ),
    "not a number": (lambda f, m: f | {WEIGHTS: infinite_weights(m)}, "not finite"),
    "cut": (lambda f, m: f | {WEIGHTS: f[WEIGHTS][:-4]}, "safetensors"),
    "fewer rows than tokens": (
        lambda f, m: config_with(f, vocab_size=TOKENS - 1),
        rf"{TOKENS} tokens, but by config\.json the model knows {TOKENS - 1}: .*resize_token",
    ),
    "no keys": (
        lambda f, m: config_with(f, model_type="mamba", architectures=["MambaForCausalLM"]),
        "(lacks tensors|token by token|makes no model|not what config.json)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_with_a_sentence(hub, settings, saved, case):
    make, sentence = REFUSED[case]
    model, files = saved("llama")
    hub.commit(REPO, make(files, model))

    async def scenario(service):
        with pytest.raises(BadCheckpoint, match=sentence):
            await service.load_from_hub(REPO)
        assert [session.session_id for session in service.sessions()] == ["plain"]

    run(settings, scenario)
    fetched = hub.asked(r"cdn .*safetensors")
    assert fetched <= 1
    early = ("code of its own", "too wide", "weights that lie", "unknown", "too many tokens")
    if case in early or "shards" in case:
        assert fetched == 0


def played(hub, settings, files):
    """Tokens that a model of these files writes after TEXT."""
    hub.commit(REPO, files)

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        generation = await service.generate(session.session_id, TEXT, GREEDY, n=5)
        return generation.steps.token.tolist()

    return run(settings, scenario)


MASK = torch.ones(1, 1, WINDOW, WINDOW, dtype=torch.bool)
ENDLESS = "{% for i in range(10**12) %}x{% endfor %}"
SAME = {
    "wrapped": lambda f: renamed(f, lambda name: f"_orig_mod.module.{name}"),
    "inside of an adapter's": lambda f: renamed(f, lambda name: f"base_model.model.{name}"),
    "compiled inside": lambda f: renamed(
        f, lambda name: name.replace("model.", "model._orig_mod.")
    ),
    "a chat template that never ends": lambda f: f | {
        "chat_template.jinja": ENDLESS.encode(),
        "tokenizer_config.json": json.dumps({"chat_template": ENDLESS}).encode(),
    },
    "with tokens that the model does not have": lambda f: with_added(f, 2 + PADDED - TOKENS),
    "without the first part of its names": lambda f: renamed(
        f, lambda name: name.removeprefix("model.")
    ),
    "no word of the head": lambda f: f | {CONFIG: without_tie(f[CONFIG])},
    "in 64 bits": lambda f: with_tensors(f, lambda t: {n: v.double() for n, v in t.items()}),
    "a byte order mark": lambda f: f | {
        name: b"\xef\xbb\xbf" + f[name] for name in (CONFIG, TOKENIZER)
    },
    "with buffers": lambda f: with_tensors(
        f,
        lambda t: t | {
            "h.0.attn.bias": MASK,
            "h.0.attn.masked_bias": torch.tensor(-1e4),
            "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4),
            "model.embeddings.position_ids": torch.arange(4),
        },
    ),
    "with another program's index": lambda f: f | {INDEX: b"[]"},
}  # fmt: skip


def renamed(files, name_of):
    return with_tensors(files, lambda t: {name_of(name): tensor for name, tensor in t.items()})


def with_added(files, n):
    """The files with n more tokens, as people add [PAD] without enlarging the model."""
    tokenizer = Tokenizer.from_str(files[TOKENIZER].decode())
    tokenizer.add_special_tokens([f"[PAD{at}]" for at in range(n)])
    return files | {TOKENIZER: tokenizer.to_str().encode()}


def without_tie(config):
    values = json.loads(config)
    del values["tie_word_embeddings"]
    return json.dumps(values).encode()


@pytest.mark.parametrize("case", SAME)
def test_what_changes_nothing_is_opened_as_the_same_model(hub, settings, saved, case):
    files = saved("llama")[1]
    assert played(hub, settings, SAME[case](files)) == played(hub, settings, files)


@pytest.mark.parametrize("head", ["head", "output", "embed_out"])
def test_a_head_by_another_name(hub, settings, saved, head):
    files = saved("qwen2")[1]
    renamed_files = renamed(files, lambda name: name.replace("lm_head", head))
    assert played(hub, settings, renamed_files) == played(hub, settings, files)


def with_rows(files, rows):
    """The files with `rows(name)` rows in each table of the vocabulary; new ones are far off."""

    def changed(name, tensor):
        more = torch.full((16, *tensor.shape[1:]), 9.0)
        return torch.cat([tensor, more])[: rows(name)]

    return with_tensors(
        files, lambda t: {n: changed(n, v) if len(v) == PADDED else v for n, v in t.items()}
    )


ROWS = {
    "more": lambda name: PADDED + 16,
    "more in the embedding": lambda name: PADDED + 16 * ("embed" in name or "wte" in name),
    "one for each token": lambda name: TOKENS,
}


@pytest.mark.parametrize("case", ROWS)
@pytest.mark.parametrize("name", ["gpt2", "phi", "qwen2"])  # tied; a bias of the head; neither
def test_tables_of_more_or_fewer_rows_than_the_config_says(hub, settings, saved, name, case):
    model, files = saved(name)
    hub.commit(REPO, with_rows(files, ROWS[case]))

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        generation = await service.generate(session.session_id, TEXT, GREEDY, n=3)
        return session.run, generation.steps

    opened, steps = run(settings, scenario)
    assert opened.model_config.vocab_size == TOKENS
    expected = reference(model, opened.vocabulary.encode(TEXT) + steps.token.tolist())[-4:-1]
    found = torch.from_numpy(steps.candidate_prob).float()
    torch.testing.assert_close(found, expected.topk(10)[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ({"token_weights_bytes": 1000}, "MB of weights in one file; the limit here"),
        ({"tokenizer_bytes": 1000}, "tokenizer.json of ada/tokens has"),
    ],
)
def test_what_is_too_large_is_not_fetched(hub, changed, saved, limit, sentence):
    hub.commit(REPO, saved("llama")[1])

    async def scenario(service):
        with pytest.raises(HubTooLarge, match=sentence):
            await service.load_from_hub(REPO)

    run(changed(**limit), scenario)
    assert not hub.asked(r"cdn .*safetensors")


def test_the_window_and_the_numbers_are_the_operator_s(hub, changed, saved):
    model, files = saved("qwen3")
    hub.commit(REPO, files)

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        assert session.run.model_config.block_size == 4
        generation = await service.generate(session.session_id, TEXT, GREEDY, n=1)
        return session.run.vocabulary.encode(TEXT), generation

    ids, generation = run(changed(token_window=4, token_dtype="bfloat16"), scenario)
    expected = reference(model, ids, 4)[-1]
    found = dict(
        zip(generation.steps.candidate[0], generation.steps.candidate_prob[0], strict=True)
    )
    for id, prob in found.items():
        assert prob == pytest.approx(float(expected[id]), abs=0.05)
    assert generation.context_used == generation.vocabulary.tail(TEXT, 4)


def gapped(files):
    """The files with a tokenizer that has no token of one id, and one fewer than the model."""
    tokenizer = json.loads(files[TOKENIZER])
    del tokenizer["model"]["vocab"]["Z"]
    return files | {TOKENIZER: json.dumps(tokenizer).encode()}


def test_ids_that_the_model_has_and_no_token(hub, settings, saved):
    files = gapped(saved("llama")[1])
    gap = json.loads(saved("llama")[1][TOKENIZER])["model"]["vocab"]["Z"]
    hub.commit(REPO, files)

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        assert session.run.model_config.vocab_size == TOKENS
        ask = partial(service.generate, session.session_id, "the", GREEDY, n=1)
        for id, sentence in ((TOKENS, f"0 to {TOKENS - 1}"), (gap, f"has the id {gap}")):
            with pytest.raises(InvalidInput, match=f"^context_ids: .*{sentence}") as caught:
                await ask(suffix_ids=[id])
            assert caught.value.field == "context_ids"
            with pytest.raises(InvalidInput, match=f"^text_ids: .*{sentence}"):
                await service.score(session.session_id, "the", suffix_ids=[id])

    run(settings, scenario)


def test_a_position_whose_weights_are_far_too_large(hub, settings, saved):
    """No answer has probabilities that are no numbers; before that position, all is well."""

    def broken(tensors):
        tensors["transformer.wpe.weight"][WINDOW - 2] = 3e38
        return tensors

    hub.commit(REPO, with_tensors(saved("gpt2")[1], broken))
    warm = SamplingParams(seed=1)

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        id, text = session.session_id, "xyz" * WINDOW
        assert (await service.generate(id, "the", GREEDY, n=2)).steps.prob.all()
        for ask in (
            partial(service.generate, id, text, GREEDY, n=1),
            partial(service.generate, id, text, warm, n=3),
            partial(service.score, id, text),
            partial(service.search_beams, id, text, width=2, n=2),
            partial(service.repeat_draw, id, text, warm, n=5),
        ):
            with pytest.raises(BadCheckpoint, match="answers are no numbers any more"):
                await ask()
        assert (await service.generate(id, "the", GREEDY, n=2)).steps.prob.all()

    run(settings, scenario)


def test_two_who_open_the_same_share_one_download(hub, settings, saved):
    hub.commit(REPO, saved("gpt2")[1])

    async def scenario(service: Playground):
        first, second = await asyncio.gather(
            service.load_from_hub(REPO), service.load_from_hub(REPO)
        )
        assert first.session_id == second.session_id

    run(settings, scenario)
    assert hub.asked(r"cdn .*safetensors") == 1
