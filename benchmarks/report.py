"""Markdown of a report: tables, percentiles, and what it was measured on."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

_PACKAGES = ("torch", "numpy", "gradio", "fastapi", "uvicorn", "orjson", "transformers")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; all columns but the first are aligned to the right."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many per cent of the values do not exceed; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def percentiles(values: Sequence[float]) -> str:
    """`p50 / p95 / p99` of milliseconds."""
    if not values:
        return "–"
    return " / ".join(f"{percentile(values, percent):.3g}" for percent in (50, 95, 99))


def machine_facts(load_before: float) -> str:
    """A table of processor, load and versions. load_before: mean load of the last minute."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    rows = [
        ("processor", _processor()),
        ("cores", len(os.sched_getaffinity(0))),
        ("memory", f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB"),
        ("load before", f"{load_before:.2f}"),
        ("versions", ", ".join([f"Python {platform.python_version()}", *versions, f"Node {node}"])),
    ]
    return table(["machine", ""], rows)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
