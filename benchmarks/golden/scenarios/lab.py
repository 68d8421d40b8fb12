"""What reads texts: ``extend --data``, ``evaluate`` and ``calibrate``, on models of one layer."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.golden.execution import Call
from benchmarks.golden.scenarios.objective import made_documents

KINDS = ("embedder", "causal", "masked")
_TEXTS = ("--data", "texts", "--precision", "fp32")
_FEW = ("--documents", "10", "--pool", "5", *_TEXTS)
_QUICK = (*_TEXTS, "--to", "128", "--steps", "8", "--every", "2", "--batch", "4")


def choosing() -> list[Call]:
    """``extend --data``: the method is chosen by what validation documents say."""
    made = []
    for kind, length in (("speller", 256), ("causal", 128)):
        call = ("extend", kind, "OUT", "--to", str(length), "--data", "texts")
        made.append(Call(f"choose-{kind}", (*call, "--json")))
        made.append(Call(f"choose-{kind}-length-aware", (*call, "--length-aware")))
    made.append(Call("choose-nothing", ("extend", "embedder", "OUT", "--to", "128", "--data", "texts")))
    made.append(Call("choose-masked", ("extend", "masked", "OUT", "--to", "128", "--data", "texts", "--dry-run")))
    return made


def evaluating() -> list[Call]:
    """``evaluate``: checkpoints as they are, beside their originals, and with tables by length."""
    made = []
    for kind in KINDS:
        for name, more in (("tile", ()), ("by-length", ("--length-aware", "--method", "linear"))):
            longer = f"evaluate-{name}-of-{kind}"
            made.append(Call(longer, ("extend", kind, "OUT", "--to", "128", *more), keep=True))
            call = ("evaluate", f"made/{longer}", "--original", kind, "--lengths", "64,128", *_FEW)
            made.append(Call(f"evaluate-json-{name}-{kind}", (*call, "--json")))
        call = ("evaluate", f"made/evaluate-tile-of-{kind}", "--original", kind, "--lengths", "128", *_FEW)
        made.append(Call(f"evaluate-text-{kind}", call))
        made.append(Call(f"evaluate-alone-{kind}", ("evaluate", kind, "--lengths", "64,96", *_FEW, "--seed", "3")))
    passkey = ("--tasks", "passkey,needle", "--short", "20", "--lengths", "64")
    made.append(Call("evaluate-some-tasks", ("evaluate", "embedder", *passkey, *_FEW, "--json")))
    made.append(Call("evaluate-bf16", ("evaluate", "embedder", "--lengths", "64", *_FEW[:-1], "bf16", "--json")))
    report = ("--lengths", "64,96", "--html", "OUT.html")
    made.append(Call("evaluate-report-embedder", ("evaluate", "embedder", *report, *_FEW)))
    made.append(Call("evaluate-report-causal", ("evaluate", "causal", *report, *_FEW)))
    made.append(Call("evaluate-one-file", ("evaluate", "causal", "--lengths", "64", *_FEW, "--data", "words.txt")))
    return made


def calibrating() -> list[Call]:
    """``calibrate``: the checkpoint with its record, from every start, and work that is stopped or fails."""
    ranged = ("--range", "32", "--document", "100")
    hidden = tuple(f"--{name}={value}" for name, value in made_documents().items())
    made = []
    for kind in KINDS:
        more = (*ranged, "--facts", "0", *hidden) if kind == "embedder" else ()
        call = ("calibrate", kind, "OUT", *_QUICK, *more)
        made.append(Call(f"calibrate-{kind}", (*call, "--json")))
        made.append(Call(f"calibrate-{kind}-text", (*call, "--seed", "1", "--row-rate", "0.01")))
        made.append(Call(f"calibrate-{kind}-length-aware", (*call, "--length-aware", "--json")))
        made.append(Call(f"calibrate-{kind}-no-minutes", (*call, "--minutes", "0.000001")))
    embed = ("calibrate", "embedder", "OUT", *_QUICK, *hidden)
    made += [
        Call("calibrate-facts", (*embed, *ranged, "--facts", "1", "--json")),
        Call("calibrate-nothing-kept", (*embed, *ranged, "--facts", "0", "--keep", "0", "--json")),
        Call("calibrate-no-better", (*embed, *ranged, "--facts", "0", "--shift-rate", "1000")),
        Call("calibrate-patience", (*embed, *ranged, "--facts", "0", "--patience", "1", "--every", "1", "--json")),
        Call("calibrate-causal-keep", ("calibrate", "causal", "OUT", *_QUICK, "--keep", "16", "--json")),
        Call("calibrate-causal-spread", ("calibrate", "causal", "OUT", *_QUICK, "--document", "64", "--json")),
        Call("calibrate-made-longer", ("extend", "embedder", "OUT", "--to", "128", "--range", "32", "--method", "tile"),
             keep=True),
        Call("calibrate-as-long-as-it-is", ("calibrate", "made/calibrate-made-longer", "OUT", *_TEXTS, "--steps", "6",
                                            "--every", "3", "--batch", "4", "--document", "100", *hidden, "--json")),
        Call("calibrate-chosen-start", (*embed, "--facts", "0", "--document", "128")),
        Call("calibrate-force", (*embed, *ranged, "--facts", "0", "--force"), prepare=_with_another_model),
        Call("calibrate-ctrl-c", ("calibrate", "causal", "OUT", *_TEXTS, "--to", "128", "--steps", "100000"),
             interrupt_when=_has_begun),
    ]  # fmt: skip
    return made


def _with_another_model(out: Path) -> None:
    shutil.copytree("gpt2", out)  # of another model, so that what stays of it is seen


def _has_begun(out: Path) -> bool:
    """The first steps are done: a signal before them ends the work without a word on how to go on."""
    told = Path("streams", "err").read_text(encoding="utf-8", errors="replace")
    return "/100000" in told and out.with_name(f"{out.name}.calibrating").exists()
