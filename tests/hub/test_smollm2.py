"""A real language model of 135 million parameters, from the Hub to its words."""

import pytest
import torch
import transformers

from playground.lm.sampling import SamplingParams
from tests.hub.fake_hub import files_of
from tests.hub.scenarios import run
from tests.hub.smollm2 import write_smollm2

pytestmark = pytest.mark.slow

REPO = "ada/smol"
FRANCE = "The capital of France is"
GREEDY = SamplingParams(temperature=0)
N = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_smollm2(tmp_path_factory.mktemp("smollm2"))


@pytest.fixture(scope="module")
def published(folder):
    return {name: data for name, data in files_of(folder).items() if "/" not in name}


@pytest.fixture
def opened(hub, changed, published):
    """`opened(scenario, **settings)`: what it returns for a service and the session."""
    hub.commit(REPO, published)

    def open_it(scenario, **values):
        async def whole(service):
            session = await service.load_from_hub(REPO)
            return await scenario(service, session)

        return run(changed(hub_seconds=300.0, **values), whole)

    return open_it


def test_it_opens_by_its_address_and_says_what_the_library_says(opened, folder):
    async def scenario(service, session):
        generation = await service.generate(session.session_id, FRANCE, GREEDY, n=N)
        return session.run, generation

    found, generation = opened(scenario)
    steps, tokenizer = generation.steps, found.vocabulary
    assert tokenizer.token_text(int(steps.token[0])) == " Paris"
    assert steps.prob[0] == pytest.approx(0.77, abs=0.01)
    assert (found.n_params, found.dtype) == (134_515_008, "float32")
    for text in ("In 1984 and 2,001.", "don’t 😀 हिन्दी\n\n  x = 3.14"):
        tokens = tokenizer.tokenize(text)
        ids = [token.id for token in tokens]
        assert b"".join(tokenizer.token_bytes(id) for id in ids).decode() == text
    year = [token.text for token in tokenizer.tokenize("In 1984")]
    assert year == ["In", " ", "1", "9", "8", "4"]

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prompt = torch.tensor([tokenizer.encode(FRANCE)])
    written = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=N,
        pad_token_id=2,
    )  # fmt: skip
    theirs = written[0, prompt.shape[1] :].tolist()  # which ends where the text does
    assert len(theirs) >= N // 2
    assert steps.token.tolist()[: len(theirs)] == theirs


def test_rounded_to_8_bits_it_still_knows(opened):
    async def scenario(service, session):
        generation = await service.generate(session.session_id, FRANCE, GREEDY, n=N)
        model = await service._models.get(session, session.run.checkpoint(None))
        return session.run, generation, model.nbytes

    found, generation, n_bytes = opened(scenario, token_dtype="int8")
    text = "".join(found.vocabulary.token_text(int(id)) for id in generation.steps.token)
    print(f"{n_bytes / 2**20:.0f} MiB: {text}")
    assert text.startswith(" Paris")
    assert generation.steps.prob[0] == pytest.approx(0.77, abs=0.1)
    assert found.dtype == "int8"
    assert n_bytes < 1.1 * found.n_params
