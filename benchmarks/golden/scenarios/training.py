"""``posembed compare``, and work of ``compare`` and ``calibrate`` that is begun by one side and finished by another."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks.golden.execution import MADE, Call, Check
from benchmarks.golden.scenarios.objective import made_documents

_SIZES: dict[str, Any] = {"train_length": 16, "d_model": 16, "layers": 1, "heads": 2, "batch_size": 4}
_TINY = tuple(f"--{name.replace('_', '-')}={value}" for name, value in _SIZES.items())
_HOW = (*_TINY, "--precision=fp32", "--jobs=1")
_ALL = "learned,sinusoidal,rope,alibi,none,learned-from-sinusoid"


def training() -> list[Call]:
    """Two encodings with everything that is written, all six with a handful of steps, and an arm that fails."""
    words = ("compare", "--data", "words.txt", *_HOW)
    return [
        Call("compare-two", (*words, "--encodings=learned,rope", "--steps=30", "--seeds=2", "--out", "OUT", "--json")),
        Call("compare-six", ("compare", "--data", "texts", *_HOW, f"--encodings={_ALL}", "--steps=4", "--no-plots")),
        Call("compare-encoder", (*words, "--encodings=learned", "--model=encoder", "--steps=6", "--json")),
        Call("compare-diverged", (*words, "--encodings=learned", "--learning-rate=1e30", "--steps=8", "--no-plots",
                                  "--out", "OUT", "--json")),
    ]  # fmt: skip


_STEPS = 200
_CALIBRATION: dict[str, Any] = {"data": "texts", "precision": "fp32", "steps": 24, "every": 4, "batch": 4}


def beginning() -> list[Check]:
    """Begin work by the public functions and stop it at a known place; what is left is kept for ``resuming``."""
    return [
        Check("begin-calibrate-embedder", lambda: _begin_calibration("embedder", **_embedder()), keep=True),
        Check("begin-calibrate-causal", lambda: _begin_calibration("causal"), keep=True),
        Check("begin-compare", _begin_comparison, keep=True),
    ]


def _embedder() -> dict[str, Any]:
    return {"range": 32, "document": 100, **made_documents()}


def _begin_calibration(kind: str, **more: Any) -> None:
    import posembed

    asked = itertools.count()
    out = MADE / f"begin-calibrate-{kind}"
    posembed.calibrate(kind, out, length=128, should_stop=lambda: next(asked) >= 10, **_CALIBRATION, **more)


def _begin_comparison() -> None:
    import posembed

    def stop_the_second(name: str, message: dict[str, Any]) -> None:
        if name.startswith("rope") and message["phase"] == "training":
            raise KeyboardInterrupt

    data = str(Path(os.environ["GOLDEN_INPUTS"]) / "words.txt")
    settings: dict[str, Any] = {**_SIZES, "steps": _STEPS, "precision": "fp32", "jobs": 1, "on_event": stop_the_second}
    posembed.compare(data, encodings=["learned", "rope"], out=MADE / "begin-compare", **settings)


def resuming() -> list[Call]:
    """Go on with what was begun: with a revision to compare against, what *its* version began."""
    data = str(Path(os.environ["GOLDEN_INPUTS"]) / "words.txt")
    compare = ("compare", "--data", data, *_HOW, "--encodings=learned,rope", f"--steps={_STEPS}", "--no-plots")
    how = [f"--{name}={value}" for name, value in _CALIBRATION.items()]
    embed = (
        "calibrate",
        "embedder",
        "OUT",
        *how,
        "--to=128",
        *(f"--{name}={value}" for name, value in _embedder().items()),
    )
    causal = ("calibrate", "causal", "OUT", *how, "--to=128")
    return [
        Call("resume-calibrate-embedder", (*embed, "--resume", "--json"), prepare=_as_begun),
        Call("resume-calibrate-embedder-plain", (*embed, "--json")),
        Call("resume-calibrate-causal", (*causal, "--resume", "--json"), prepare=_as_begun),
        Call("resume-refused-without-resume", causal, prepare=lambda out: _as_begun(out, "begin-calibrate-causal")),
        Call("resume-refused-for-another-seed", (*causal, "--resume", "--seed=1"),
             prepare=lambda out: _as_begun(out, "begin-calibrate-causal")),
        Call("resume-compare", (*compare, "--out", "OUT", "--resume", "--json"), prepare=_as_begun),
        Call("resume-compare-refused", (*compare, "--out", "OUT"),
             prepare=lambda out: _as_begun(out, "begin-compare")),
        Call("resume-compare-refused-for-others", (*compare, "--out", "OUT", "--resume", "--seeds=2"),
             prepare=lambda out: _as_begun(out, "begin-compare")),
    ]  # fmt: skip


def _as_begun(out: Path, name: str = "") -> None:
    name = name or out.name.replace("resume-", "begin-")
    begun = Path(os.environ["GOLDEN_BEGUN"])
    state = begun / f"{name}.calibrating"
    if state.is_file():
        shutil.copyfile(state, out.with_name(f"{out.name}.calibrating"))
    else:
        shutil.copytree(begun / name, out)
