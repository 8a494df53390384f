"""A run comes back from its zip; whatever else an upload may be, it is refused in a sentence."""

import io
import struct
import zipfile

import pytest
import torch

from playground.checkpoints.archive import pack, unpack
from playground.checkpoints.folder import load_model
from playground.errors import BadCheckpoint, InvalidInput
from tests.checkpoints.gpt2 import draw, files_with, hold_equal

LIMITS = {"max_bytes": 2**20, "max_gigaflops": 1.0}


@pytest.fixture
def run(tmp_path, write_model):
    return write_model(tmp_path / "run")


@pytest.fixture
def packed(run, tmp_path):
    pack(run, tmp_path / "run.zip")
    return (tmp_path / "run.zip").read_bytes()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def zipped(files, compression=zipfile.ZIP_DEFLATED):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    raw.seek(0)
    return raw


def contents(packed):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_run_comes_back_with_the_same_weights(run, packed, folder):
    again = unpack(io.BytesIO(packed), folder, **LIMITS)
    assert again.steps == run.steps
    assert again.config == run.config
    for step in run.steps:
        before = load_model(run, step, max_bytes=2**20).state_dict()
        after = load_model(again, step, max_bytes=2**20).state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_layout_is_that_of_a_checkpoint_folder(packed):
    assert set(contents(packed)) == {
        "README.md", "config.json", "vocab.json", "model.safetensors", "checkpoints/index.json",
        "checkpoints/step-000000/model.safetensors", "checkpoints/step-000050/model.safetensors",
    }  # fmt: skip


def test_weights_that_have_just_been_replaced_are_left_out(run, tmp_path):
    (run.folder / run.checkpoints[1].path).unlink()
    pack(run, tmp_path / "b.zip")
    assert "checkpoints/step-000050/model.safetensors" not in contents(
        (tmp_path / "b.zip").read_bytes()
    )


def test_a_zip_of_a_folder_is_understood(packed, folder):
    files = {f"my model/{name}": raw for name, raw in contents(packed).items()}
    assert unpack(zipped(files), folder, **LIMITS).steps == [0, 50, 100]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../evil.py", b"x"),
        ("/etc/passwd", b"x"),
        ("checkpoints/../../evil", b"x"),
        ("model.pkl", b"x"),
        ("checkpoints/step-000050/nested.zip", b"x"),
        ("config.json/evil", b"x"),
        ("modeling.py", b"import os"),
    ],
)
def test_other_files_are_refused(packed, folder, name, content):
    with pytest.raises(BadCheckpoint, match="no part of a model"):
        unpack(zipped(contents(packed) | {name: content}), folder, **LIMITS)
    assert not (folder.parent / "evil.py").exists()


def test_a_zip_bomb_is_stopped_where_the_limit_is(packed, folder):
    bomb = zipped(contents(packed) | {"README.md": b"\0" * 20_000_000})
    assert len(bomb.getvalue()) < 200_000
    with pytest.raises(InvalidInput, match="unpacks to more than 1 MB") as caught:
        unpack(bomb, folder, **LIMITS)
    assert caught.value.status == 413
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) <= 2**20


def test_a_zip_that_lies_about_a_size_is_refused(packed, folder):
    raw = bytearray(zipped(contents(packed) | {"README.md": b"\0" * 5_000_000}).getvalue())
    told = struct.pack("<I", 5_000_000)
    while (at := raw.find(told)) >= 0:
        raw[at : at + 4] = struct.pack("<I", 10)
    with pytest.raises((BadCheckpoint, InvalidInput)):
        unpack(io.BytesIO(raw), folder, **LIMITS)
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) <= 2**20


def test_too_many_files_are_refused(folder):
    files = {f"checkpoints/step-{i:06}/model.safetensors": b"" for i in range(300)}
    with pytest.raises(InvalidInput, match="300 files"):
        unpack(zipped(files), folder, **LIMITS)


@pytest.mark.parametrize("raw", [b"", b"PK\3\4", b"no zip at all", b"PK\5\6" + bytes(18)])
def test_what_is_no_zip_is_refused(folder, raw):
    with pytest.raises(BadCheckpoint):
        unpack(io.BytesIO(raw), folder, **LIMITS)


@pytest.mark.parametrize("name", ["config.json", "vocab.json", "model.safetensors"])
def test_every_file_is_checked(packed, folder, name):
    with pytest.raises(BadCheckpoint):
        unpack(zipped(contents(packed) | {name: b"[]"}), folder, **LIMITS)


def test_broken_weights_of_an_early_step_are_found(packed, folder):
    name = "checkpoints/step-000050/model.safetensors"
    files = contents(packed)
    files[name] = files[name][:-4] + b"\0\0\xc0\x7f"  # NaN
    with pytest.raises(BadCheckpoint):
        unpack(zipped(files), folder, **LIMITS)


def test_a_model_that_computes_too_much_is_refused(packed, folder):
    with pytest.raises(BadCheckpoint, match="GFLOP"):
        unpack(io.BytesIO(packed), folder, max_bytes=2**20, max_gigaflops=1e-9)


BALLAST = {
    "__MACOSX/._model": b"\0\5\x16\7",
    "__MACOSX/model/._config.json": b"\0\5\x16\7",
    "model/.DS_Store": b"\0",
    "model/checkpoints/.DS_Store": b"\0",
    "model/._README.md": b"\0",
    "model/Thumbs.db": b"\0",
    "model/desktop.ini": b"[.ShellClassInfo]",
    "model/.gitattributes": b"*.safetensors filter=lfs",
    "model/LICENSE": b"MIT",
}


@pytest.mark.parametrize("wrapped", ["", "my models/", "a/b/"])
def test_what_systems_leave_in_a_zip_is_no_part_of_a_model(packed, folder, wrapped):
    files = {f"model/{name}": raw for name, raw in contents(packed).items()}
    both = {f"{wrapped}{name}": raw for name, raw in (BALLAST | files).items()}
    assert unpack(zipped(both), folder, **LIMITS).steps == [0, 50, 100]
    written = {path.name for path in folder.rglob("*") if path.is_file()}
    assert written == {path.rpartition("/")[2] for path in contents(packed)}


def test_a_zip_with_the_slashes_of_windows(packed, folder):
    files = {rf"model\{name}".replace("/", "\\"): raw for name, raw in contents(packed).items()}
    assert unpack(zipped(files), folder, **LIMITS).steps == [0, 50, 100]


def test_ballast_does_not_count(packed, folder):
    files = contents(packed) | {f"__MACOSX/._{i}": b"" for i in range(300)}
    assert unpack(zipped(files), folder, **LIMITS).steps == [0, 50, 100]


@pytest.mark.parametrize(("top", "name"), [("my nano/", "my nano"), ("", "nanoGPT")])
def test_a_zip_of_a_nanogpt_model_is_converted(folder, tmp_path, top, name):
    tensors = draw(bias=True)
    files = files_with(tensors) | {"tokenizer_config.json": b"{}"}
    run = unpack(zipped({top + path: raw for path, raw in files.items()}), folder, **LIMITS)
    assert (run.config.name, run.steps) == (name, [0])
    hold_equal(load_model(run, None, max_bytes=2**20), tensors)
    pack(run, tmp_path / "again.zip")
    (tmp_path / "again").mkdir()
    again = unpack(io.BytesIO((tmp_path / "again.zip").read_bytes()), tmp_path / "again", **LIMITS)
    hold_equal(load_model(again, None, max_bytes=2**20), tensors)


def test_a_zip_of_a_nanogpt_model_without_weights(folder):
    files = files_with(draw(bias=True))
    with pytest.raises(BadCheckpoint, match=r"model\.safetensors is empty"):
        unpack(zipped(files | {"model.safetensors": b""}), folder, **LIMITS)


BESIDE = (
    "README.txt", "readme.md", "train.py", "requirements.txt", "meta.pkl", "ckpt.pt", "merges.txt",
    "optimizer.pt", "training_args.bin", "trainer_state.json", "loss.png", "chat_template.jinja",
    ".idea/nano.xml", ".vscode/settings.json", "runs/events.out", "wandb/run/x.json", "meta.json",
)  # fmt: skip


def test_what_a_training_left_beside_a_nanogpt_model_is_not_read(folder):
    tensors = draw(bias=True)
    files = files_with(tensors) | dict.fromkeys(BESIDE, b"x")
    run = unpack(zipped({f"nano/{path}": raw for path, raw in files.items()}), folder, **LIMITS)
    hold_equal(load_model(run, None, max_bytes=2**20), tensors)
    written = {path.name for path in folder.rglob("*") if path.is_file()}
    assert written == {"README.md", "config.json", "vocab.json", "model.safetensors", "index.json"}


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "a/../../evil"])
def test_paths_that_lead_out_are_refused_beside_a_nanogpt_model(folder, name):
    with pytest.raises(BadCheckpoint, match="no part of a model"):
        unpack(zipped(files_with(draw(bias=True)) | {name: b"x"}), folder, **LIMITS)


def test_a_nanogpt_model_without_its_characters_says_what_is_missing(folder):
    files = files_with(draw(bias=True))
    files["meta.json"] = files.pop("vocab.json")
    with pytest.raises(BadCheckpoint, match=r"^vocab\.json is missing: the list of the model's"):
        unpack(zipped(files), folder, **LIMITS)


@pytest.mark.parametrize("damaged", [b"\xff" * 40, b"\x07" * 40])
def test_a_damaged_stream_is_refused(packed, folder, damaged):
    raw = zipped(contents(packed)).getvalue()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        offset = archive.getinfo("config.json").header_offset + 30 + len("config.json")
    broken = raw[:offset] + damaged + raw[offset + 40 :]
    with pytest.raises(BadCheckpoint, match="not a zip that can be read"):
        unpack(io.BytesIO(broken), folder, **LIMITS)
