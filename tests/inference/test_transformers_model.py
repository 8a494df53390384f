"""Models that transformers runs predict what its own forward does, however they are asked."""

import asyncio

import pytest
import torch

pytest.importorskip("transformers")

from playground.checkpoints.transformers_folder import TransformersLimits, read_transformers_run
from playground.errors import LogitsNotFinite
from playground.inference.batch import GenerationRequest
from playground.inference.engine import Engine
from playground.inference.prefix_cache import PrefixCache
from playground.inference.transformers_model import TransformersModel, load_transformers_model
from playground.lm.beam_search import beam_search, trace_back
from playground.lm.incremental import left_pad
from playground.lm.sampling import SamplingParams
from playground.lm.scoring import predictions
from playground.settings import Settings
from tests.inference.pretrained import CONFIGS, TOKENS, WINDOW, random_model, reference, save

TEXT = [3, 250, 17, 99, 42, 7, 7, 211, 64, 130, 5, 18, 77, 200, 31, 9, 120, 54]  # past the window
GREEDY = SamplingParams(temperature=0)
TOLERANCE = {"atol": 1e-5, "rtol": 0.0}


@pytest.fixture(scope="module")
def pretrained():
    known = {}
    return lambda name: known.setdefault(name, random_model(name))


@pytest.fixture(params=CONFIGS)
def pair(request, pretrained):
    """The library's model, and ours around it."""
    model = pretrained(request.param)
    return model, TransformersModel(model, n_tokens=TOKENS, block_size=WINDOW)


def one(n_rows):
    return torch.ones(n_rows, dtype=torch.long)


def test_each_position_in_batches_of_mixed_lengths_past_the_window_too(pair):
    model, ours = pair
    texts = [TEXT, TEXT[4:], TEXT[9:], TEXT[2:12]]
    starts = [11, 5, 1, 7]
    expected = [reference(model, text) for text in texts]
    ids, lengths = left_pad([text[:n] for text, n in zip(texts, starts, strict=True)])
    logits, state = ours.extend(ours.empty_state(len(texts)), ids, lengths)
    at, rows = starts, list(range(len(texts)))
    while rows:
        found = logits[:, -1].softmax(-1)
        wanted = torch.stack([expected[row][n - 1] for row, n in zip(rows, at, strict=True)])
        torch.testing.assert_close(found, wanted, **TOLERANCE)
        stay = [i for i, row in enumerate(rows) if at[i] < len(texts[row])]
        rows, at = [rows[i] for i in stay], [at[i] for i in stay]
        if rows:
            state = state.select(torch.tensor(stay))
            newest = torch.tensor([[texts[row][n]] for row, n in zip(rows, at, strict=True)])
            logits, state = ours.extend(state, newest, one(len(rows)))
            at = [n + 1 for n in at]


def test_rows_join_and_leave(pair):
    model, ours = pair
    _, first = ours.extend(ours.empty_state(1), *left_pad([TEXT[:6]]))
    _, others = ours.extend(ours.empty_state(2), *left_pad([TEXT[:3], TEXT[5:13]]))
    batch = ours.empty_state(0).concatenate([first, ours.empty_state(1), *others.split()])
    newest = torch.tensor([[TEXT[6]], [TEXT[0]], [TEXT[3]], [TEXT[13]]])
    logits, batch = ours.extend(batch, newest, one(4))
    texts = [TEXT[:7], TEXT[:1], TEXT[:4], TEXT[5:14]]
    expected = torch.stack([reference(model, text)[-1] for text in texts])
    torch.testing.assert_close(logits[:, -1].softmax(-1), expected, **TOLERANCE)
    kept = batch.select(torch.tensor([2, 2]))
    assert kept.width == 4
    logits, _ = ours.extend(kept, torch.tensor([[TEXT[4]], [9]]), one(2))
    expected = torch.stack([reference(model, [*TEXT[:4], last])[-1] for last in (TEXT[4], 9)])
    torch.testing.assert_close(logits[:, -1].softmax(-1), expected, **TOLERANCE)


def test_rows_are_replaced(pair):
    _, ours = pair

    def read(ids):
        return ours.extend(ours.empty_state(1), *left_pad([ids]))[1]

    state = read(TEXT[:6]).concatenate([read(TEXT[:3]), read(TEXT[2:8])])
    found = state.replace(torch.tensor([0]), [read(TEXT[5:13])])
    expected = read(TEXT[5:13]).concatenate([read(TEXT[:3]), read(TEXT[2:8])])
    assert found.lengths.tolist() == expected.lengths.tolist() == [8, 3, 6]
    newest = torch.tensor([[TEXT[13]], [TEXT[3]], [TEXT[8]]])
    logits, _ = ours.extend(found, newest, one(3))
    others, _ = ours.extend(expected, newest, one(3))
    torch.testing.assert_close(logits, others, **TOLERANCE)


def test_scoring_predicts_each_token_of_a_text(pair):
    model, ours = pair
    found = torch.cat([*predictions(ours, torch.tensor(TEXT))]).softmax(-1)
    torch.testing.assert_close(found, reference(model, TEXT)[:-1], **TOLERANCE)


@pytest.fixture
def gpt2(pretrained):
    model = pretrained("gpt2")
    return model, TransformersModel(model, n_tokens=TOKENS, block_size=WINDOW)


def test_several_logits_at_once(gpt2):
    model, ours = gpt2
    logits, state = ours.extend(ours.empty_state(1), *left_pad([TEXT[:8]]), 3)
    expected = reference(model, TEXT[:8])[-3:]
    torch.testing.assert_close(logits[0].softmax(-1), expected, **TOLERANCE)
    with pytest.raises(ValueError, match="one at a time"):
        ours.extend(state, torch.tensor([TEXT[8:14]]), torch.tensor([6]), 2)
    with pytest.raises(ValueError, match="padded"):
        ours.extend(state, torch.tensor([TEXT[8:10]]), torch.tensor([1]))


def test_what_no_token_has_cannot_be_predicted(gpt2):
    model, _ = gpt2
    ours = TransformersModel(model, n_tokens=100, block_size=WINDOW, gaps=[3, 50, 100])
    logits, _ = ours.extend(ours.empty_state(1), *left_pad([TEXT[4:6]]))
    assert logits.shape == (1, 1, 100)
    assert torch.isinf(logits[0, 0]).nonzero()[:, 0].tolist() == [3, 50]


@pytest.fixture
def generate():
    """`generate(model, ids, n)`: the tokens that an engine writes."""

    async def run(model, requests, **how):
        engine = Engine(batch_rows=8, threads=1, answer_cache_bytes=0, prefix_cache_bytes=2**20)
        try:
            return await asyncio.gather(
                *(engine.generate("key", model, request) for request in requests), **how
            )
        finally:
            engine.close()

    return lambda model, requests, **how: asyncio.run(run(model, requests, **how))


@pytest.mark.parametrize("name", CONFIGS)
def test_greedy_text_is_that_of_the_library_over_200_tokens(name, generate):
    """A window that is long enough: generate() of the library does not crop."""
    import transformers

    windows = ("n_positions", "max_position_embeddings", "original_max_position_embeddings")
    long = {field: 256 for field in windows if field in CONFIGS[name]}
    config = transformers.AutoConfig.for_model(name, **CONFIGS[name] | long)
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    ours = TransformersModel(model, n_tokens=CONFIGS[name]["vocab_size"], block_size=256)
    ids = torch.tensor([TEXT[:5]])
    expected = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=200,
        eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    (steps,) = generate(ours, [GenerationRequest(tuple(TEXT[:5]), GREEDY, 200, 5)])
    assert steps.token.tolist() == expected[0, 5:].tolist()


@pytest.mark.parametrize("name", ["gemma", "gemma2", "llama", "gpt2", "phi3"])
def test_in_bfloat16_it_is_the_library_s_model_in_bfloat16(name, tmp_path):
    """Gemma scales its embedding: by a number of the type of its weights."""
    import transformers

    save(name, tmp_path)
    limits = TransformersLimits.from_settings(Settings(token_dtype="bfloat16"))
    opened = read_transformers_run(tmp_path, name, limits)
    ours = load_transformers_model(opened, opened.checkpoints[0])
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    found = ours(torch.tensor([TEXT[:9]]))[0].softmax(-1)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([TEXT[:9]])).logits[0, :, :TOKENS]
    assert torch.equal(found, logits.float().softmax(-1))
    assert {p.dtype for p in ours._model.parameters()} == {torch.bfloat16}


def test_a_chunk_equals_single_calls_and_company_changes_nothing(gpt2, generate):
    _, ours = gpt2
    params = SamplingParams(temperature=0.9, top_k=40, top_p=0.95, seed=7)
    (chunk,) = generate(ours, [GenerationRequest(tuple(TEXT[:4]), params, 20, 4)])
    ids = TEXT[:4]
    for position, token in enumerate(chunk.token.tolist(), 4):
        (step,) = generate(ours, [GenerationRequest(tuple(ids), params, 1, position)])
        assert step.token.tolist() == [token]
        ids = [*ids, token]
    crowd = [GenerationRequest(tuple(TEXT[:n]), GREEDY, 9, n) for n in range(1, 11)]
    crowd.append(GenerationRequest(tuple(TEXT[:4]), params, 20, 4))
    assert generate(ours, crowd)[-1].token.tolist() == chunk.token.tolist()


@pytest.mark.parametrize("at", [3, WINDOW - 2])
def test_a_row_whose_logits_are_not_finite_fails_alone(generate, at):
    """Those that are read, and those that are written, up to a position whose weights are so."""
    model = random_model("gpt2")
    alone = TransformersModel(model, n_tokens=TOKENS, block_size=WINDOW)
    requests = [GenerationRequest(tuple(TEXT[:n]), GREEDY, 1, n) for n in (2, 3)]
    requests += [GenerationRequest(tuple(TEXT[5 : 5 + n]), GREEDY, 6, n) for n in (5, 7, 1, 8, 2)]
    expected = generate(alone, requests)
    model.transformer.wpe.weight.data[at] = 3e38
    ours = TransformersModel(model, n_tokens=TOKENS, block_size=WINDOW)
    found = generate(ours, requests, return_exceptions=True)
    for request, steps, one in zip(requests, expected, found, strict=True):
        if len(request.ids) + request.n - 1 > at:
            assert isinstance(one, LogitsNotFinite)
        else:
            assert one.token.tolist() == steps.token.tolist()
    assert len({type(one) for one in found}) == 2


def test_beam_search_finds_the_most_probable_pair(gpt2):
    model, ours = gpt2
    levels = [*beam_search(ours, TEXT[:3], width=TOKENS, n=2)]
    best = trace_back(levels)[0]
    first = reference(model, TEXT[:3])[-1]
    pairs = {
        one: first[one] * reference(model, [*TEXT[:3], one])[-1].max()
        for one in first.topk(5).indices.tolist()
    }
    assert best[0] == max(pairs, key=pairs.get)


def test_the_prefix_cache_keeps_states_by_their_bytes(gpt2):
    _, ours = gpt2
    cache = PrefixCache(2**20)
    _, state = ours.extend(ours.empty_state(2), *left_pad([TEXT[:6], TEXT[:2]]))
    long, short = state.split()
    cache.put("key", ours, TEXT[:6], long)
    assert cache.get("key", ours, TEXT[:6]) is long
    assert long.nbytes > short.nbytes
    full = ours.extend(ours.empty_state(1), *left_pad([TEXT]))[1]
    cache.put("key", ours, TEXT, full)
    assert cache.get("key", ours, TEXT) is None
    assert full.width == 0


def test_what_a_row_takes_is_known_before_there_is_one(pair):
    _, ours = pair
    _, state = ours.extend(ours.empty_state(1), *left_pad([TEXT[: WINDOW - 1]]))
    assert state.nbytes <= ours.row_bytes + 8
    assert ours.nbytes > 4 * ours.config.n_params * 0.9
    assert ours.largest_difference() < 1e-5
