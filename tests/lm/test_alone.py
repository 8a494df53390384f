"""The language model can be used without the rest of the package and its dependencies."""

import subprocess
import sys
from pathlib import Path

from playground.settings import ROOT

MODULES = [
    f"playground.lm.{path.stem}"
    for path in sorted(Path(ROOT, "playground", "lm").glob("*.py"))
    if path.stem != "__init__"
]
OTHERS = {
    "babel", "fastapi", "gradio", "huggingface_hub", "pydantic", "safetensors", "starlette"
}  # fmt: skip


def test_it_imports_nothing_of_the_other_rooms_and_of_their_libraries():
    script = "import sys, {}\nprint(*sys.modules)".format(", ".join(MODULES))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    loaded = done.stdout.split()
    assert set(MODULES) <= set(loaded)
    assert not {name.split(".")[0] for name in loaded} & OTHERS
    ours = [name for name in loaded if name.split(".")[0] == "playground"]
    assert set(ours) == {"playground", "playground.lm", *MODULES}
