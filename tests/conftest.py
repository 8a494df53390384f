"""Small models with random weights, in folders of their own, and the app over them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest
import torch
from starlette.testclient import TestClient
from xdist.scheduler import LoadScopeScheduling

from playground.api.app import create_api
from playground.checkpoints.folder import Run, write_run
from playground.checkpoints.schema import RunConfig, weights_path
from playground.checkpoints.weights import write_weights
from playground.lm.model import ModelConfig, Transformer
from playground.lm.vocabulary import Vocabulary
from playground.page.routes import add_page_routes
from playground.service.playground import Playground
from playground.settings import Settings
from playground.tokenization.byte_pairs import BytePairTokenizer

# The same examples on every machine, and no deadlines: a busy machine is not a bug.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")
torch.set_num_threads(1)

PLAIN = "\n abcdefghijklmnopqrstuvwxyz.,!"
WEIRD = "<>${}`'\"&\\/\n\t =()😀é\u05d0\u202e\u0000imgsrconalet1"  # markup, bidi, NUL, an emoji
STEPS = (0, 50, 100)

RandomModel = Callable[..., Transformer]
WriteModel = Callable[..., Run]


class _OneWorkerHasTheBrowsers(LoadScopeScheduling):
    """Two browsers at once would wait for each other's processor; any other file goes anywhere."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "browsers" if file.startswith(("tests/browser/", "tests/deploy/")) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return _OneWorkerHasTheBrowsers(config, log)


@pytest.fixture(scope="session")
def random_model() -> RandomModel:
    """`random_model(seed=0, **config)`: a model whose every weight is drawn, none is zero."""

    def make(seed: int = 0, **config: object) -> Transformer:
        small = {"vocab_size": 16, "block_size": 8, "n_embd": 16, "n_hidden": 32}
        model = Transformer(ModelConfig(**small | config))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(std=0.5, generator=generator)
        return model.eval()

    return make


@pytest.fixture(scope="session")
def write_model(random_model: RandomModel) -> WriteModel:
    """`write_model(folder, characters, steps, **config)`: a checkpoint folder with such models.

    tokenizer: of word pieces, instead of characters.
    """

    def write(
        folder: Path,
        characters: str = PLAIN,
        steps: Sequence[int] = STEPS,
        tokenizer: BytePairTokenizer | None = None,
        **config: object,
    ) -> Run:
        vocabulary = tokenizer or Vocabulary(characters)
        entries = []
        for step in steps:
            model = random_model(seed=step, vocab_size=len(vocabulary), **config)
            path = weights_path(step, final=step == steps[-1])
            entries.append(
                write_weights(
                    folder,
                    path,
                    model,
                    step=step,
                    tokens=step * 64,
                    train_loss=3.0,
                    val_loss=2.5,
                    sliding_val_loss=2.25 if step == steps[-1] else None,
                )
            )
        fields = {slot: getattr(model.config, slot) for slot in ModelConfig.__slots__}
        run_config = RunConfig(
            format=1,
            name=folder.name,
            prompt=characters[:3],
            characters_per_token=2.5 if tokenizer else None,
            model=fields,
        )
        return write_run(folder, run_config, vocabulary, entries, "# A model of random weights\n")

    return write


@pytest.fixture(scope="session")
def word_pieces() -> BytePairTokenizer:
    """A tokenizer of 280 word pieces."""
    return BytePairTokenizer.learn("the cat sat on the mat, and the dog sat on the log. " * 20, 280)


@pytest.fixture(scope="session")
def written_models(tmp_path_factory: pytest.TempPathFactory, write_model: WriteModel) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_model(folder / "plain")
    write_model(folder / "weird", WEIRD, block_size=12)
    return folder


@pytest.fixture
def models_dir(tmp_path: Path, written_models: Path) -> Path:
    """Two sessions: `plain`, and `weird` with a vocabulary of characters that mean something."""
    return Path(shutil.copytree(written_models, tmp_path / "models"))


@pytest.fixture
def settings(models_dir: Path, tmp_path: Path) -> Settings:
    """Port 9 answers nobody: no test asks the real Hub."""
    return Settings(
        models_dir=models_dir,
        hub_endpoint="http://127.0.0.1:9",
        hub_cache_dir=tmp_path / "hub",
    )


@pytest.fixture
def service(settings: Settings) -> Playground:
    return Playground(settings)


@pytest.fixture
def client(service: Playground) -> Iterator[TestClient]:
    """The API alone, without the page; what breaks inside comes back as its answer."""
    api = create_api(service)
    add_page_routes(api)
    with TestClient(api, raise_server_exceptions=False) as client:
        yield client
