"""Flip single bits in the files that interrupted work is resumed from, resume, and count what nobody notices.

Run: python -m benchmarks.bit_flips [--flips 1000] [--seed 0]

Small real runs of `calibrate` and `compare` are stopped (or finished), one random bit of one file is flipped, and the
work is resumed. A flip is harmless if the result is the same, and noticed if the work is refused with one of posembed's
own errors. It is a fault if the result is another one, or if any other exception is raised: then this exits with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import shutil
import sys
import tempfile
import time
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers

from benchmarks.timing import print_header
from posembed import calibrate, compare, extend_model, load_length_aware, save_length_aware
from posembed.errors import PosembedError, WorkInterruptedError
from posembed.generations import previous
from posembed.lab.config import UnitConfig
from posembed.lab.train import run_unit
from posembed.nn.length_aware import LengthAwareEmbedding
from posembed.observer import Callbacks

WORDS = [a + b + c for a in ("ka", "to", "ri", "mu") for b in ("se", "lo", "ban") for c in ("tir", "gul", "ves")]
POSITIONS = 32
CALIBRATION = {"check": "off", "length": 64, "steps": 6, "every": 2, "batch": 2, "precision": "fp32"}
UNIT = {"train_length": 16, "d_model": 16, "layers": 1, "heads": 2, "batch_size": 4, "steps": 8, "evaluations": 2,
        "warmup_steps": 1, "windows_per_document": 1, "evaluation_documents": 4, "precision": "fp32"}  # fmt: skip
FAULTS = ("another result", "traceback")


class Work(ABC):
    """Something that can be resumed from files.

    Attributes:
        share: of all flips.
        files: whose bits are flipped, by name within the folder.
    """

    share: int
    files: Sequence[str]

    @abstractmethod
    def begin(self, folder: Path) -> None:
        """Make the files in an empty folder."""

    @abstractmethod
    def resume(self, folder: Path, heard: list[str], /) -> object:
        """Finish the work, and return everything that it gives, without times. Warnings are added to ``heard``."""


@dataclass
class StoppedCalibration(Work):
    """A calibration that was stopped twice, so that there is a state before the last one."""

    model: Path
    texts: Path
    keep_previous: bool = True
    share = 20
    files = ("out.calibrating",)

    def begin(self, folder: Path) -> None:
        """Stop after step 2, and again after step 5."""
        for stop in (2, 5):
            steps: list[int] = []
            observer = Callbacks(
                progress=lambda update, steps=steps: steps.append(update.done or 0),
                should_stop=lambda steps=steps, stop=stop: len(steps) > 0 and steps[-1] + 1 >= stop,
            )
            with contextlib.suppress(WorkInterruptedError):
                calibrate(
                    self.model, folder / "out", data=str(self.texts), resume=True, observer=observer, **CALIBRATION
                )
        if not self.keep_previous:
            previous(folder / "out.calibrating").unlink()

    def resume(self, folder: Path, heard: list[str]) -> object:
        """Train to the end, and write the checkpoint."""
        observer = _listening(heard)
        done = calibrate(
            self.model, folder / "out", data=str(self.texts), resume=True, observer=observer, **CALIBRATION
        )
        weights = (folder / "out" / "model.safetensors").read_bytes()
        return weights, done.curve, done.validation, done.moved, done.steps, done.configuration, done.start


@dataclass
class StoppedUnit(Work):
    """One encoding of a comparison, stopped twice."""

    texts: Path
    keep_previous: bool = True
    share = 20
    files = ("checkpoint.pt",)

    @property
    def config(self) -> UnitConfig:
        """What is trained."""
        return UnitConfig(data=str(self.texts), **UNIT)  # type: ignore[arg-type]

    def begin(self, folder: Path) -> None:
        """Stop twice."""
        for stop in (2, 3):  # times that it is asked, about once a step
            asked = [0]

            def should_stop(asked: list[int] = asked, stop: int = stop) -> bool:
                asked[0] += 1
                return asked[0] >= stop

            with contextlib.suppress(WorkInterruptedError):
                run_unit(self.config, folder, should_stop=should_stop)
        if not self.keep_previous:
            previous(folder / "checkpoint.pt").unlink()

    def resume(self, folder: Path, heard: list[str]) -> object:
        """Train to the end, and evaluate."""
        told: list[Any] = []
        result = run_unit(self.config, folder, report=told.append).to_dict()
        heard += [each.message for each in told if each.phase == "warning"]
        result.pop("speed")
        return result, (folder / "table.safetensors").read_bytes()


@dataclass
class FinishedComparison(Work):
    """A finished comparison, whose results are gathered again."""

    texts: Path
    share = 15
    files = ("run/setup.json", *(f"run/units/learned-seed0/{name}" for name in ("result.json", "table.safetensors")))
    weights = (1, 2, 1)

    def _compare(self, folder: Path, heard: list[str]) -> dict[str, Any]:
        options = {name: value for name, value in UNIT.items() if name != "out"}
        observer = _listening(heard)
        done = compare(
            str(self.texts),
            encodings=("learned", "none"),
            out=folder / "run",
            resume=True,
            observer=observer,
            **options,
        )
        return done.to_dict()

    def begin(self, folder: Path) -> None:
        """Run it to the end."""
        self._compare(folder, [])

    def resume(self, folder: Path, heard: list[str]) -> object:
        """Gather the results again."""
        results = self._compare(folder, heard)
        results.pop("created")
        return results, (folder / "run" / "tables" / "learned-seed0.safetensors").read_bytes()


@dataclass
class LengthAwareTables(Work):
    """Length-aware tables, which are read with every load of the model."""

    share = 10
    files = ("length_aware.safetensors",)

    def begin(self, folder: Path) -> None:
        """Save the tables of a model."""
        model = _gpt2(POSITIONS).transformer
        extend_model(model, 2 * POSITIONS, method="linear", length_aware=True)
        save_length_aware(model, folder)

    def resume(self, folder: Path, _: list[str], /) -> object:
        """Load the tables."""
        model = load_length_aware(_gpt2(2 * POSITIONS).transformer, folder)
        (module,) = [each for each in model.modules() if isinstance(each, LengthAwareEmbedding)]
        return module.limits.tolist(), [module.table(k).detach().numpy().tobytes() for k in range(len(module.limits))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=1000, help="number of bits flipped, each alone")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the bits")
    options = parser.parse_args(arguments)
    print_header("Single flipped bits in the files that work is resumed from", options.seed)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        counts = flip_all(Path(temporary), options.flips, options.seed)
    print(f"{'file':<28} {'flips':>6} {'same':>6} {'same, said':>11} {'refused':>8} {'another':>8} {'traceback':>10}")
    for name, count in counts.items():
        columns = [count[each] for each in ("same", "same, and said", "refused", *FAULTS)]
        print(
            f"{name:<28} {sum(columns):>6}"
            + "".join(f"{c:>{w}}" for c, w in zip(columns, (7, 12, 9, 9, 11), strict=True))
        )
    total = sum(sum(count.values()) for count in counts.values())
    faults = sum(count[fault] for count in counts.values() for fault in FAULTS)
    print(f"{faults} of {total} flips changed a result or gave a traceback; {time.perf_counter() - began:.0f} s")
    return 1 if faults else 0


def flip_all(folder: Path, flips: int, seed: int) -> dict[str, Counter[str]]:
    """Flip that many bits, and return what came of them by file."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model, texts = make_model(folder / "model"), make_texts(folder / "texts")
    works: list[Work] = [
        StoppedCalibration(model, texts),
        StoppedCalibration(model, texts, keep_previous=False),
        StoppedUnit(texts),
        StoppedUnit(texts, keep_previous=False),
        FinishedComparison(texts),
        LengthAwareTables(),
    ]
    rng = random.Random(seed)
    counts: dict[str, Counter[str]] = {}
    for work, share in zip(works, _shares(works, flips), strict=True):
        pristine = folder / f"pristine-{len(counts)}"
        pristine.mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            work.begin(pristine)
        assert all((pristine / name).exists() for name in work.files), list(pristine.iterdir())
        if isinstance(work, StoppedCalibration | StoppedUnit):
            assert previous(pristine / work.files[0]).exists() == work.keep_previous
        right = _outcome(work, pristine, folder / "right")
        assert isinstance(right, tuple), right
        for _ in range(share):
            name = rng.choices(work.files, getattr(work, "weights", None))[0]
            label = Path(name).name + ("" if getattr(work, "keep_previous", True) else ", alone")
            counts.setdefault(label, Counter())[flip_one(work, pristine, folder / "copy", name, right[0], rng)] += 1
    return counts


def flip_one(work: Work, pristine: Path, copy: Path, name: str, right: object, rng: random.Random) -> str:
    """Flip one random bit of a file in a copy of the folder, resume, and return what came of it."""

    def flip(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        bit = rng.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(data)

    outcome = _outcome(work, pristine, copy, flip)
    if isinstance(outcome, str):
        return outcome
    result, heard = outcome
    if result != right:
        return "another result"
    return "same, and said" if heard else "same"


def _outcome(work: Work, pristine: Path, copy: Path, damage: Any = None) -> tuple[object, list[str]] | str:
    """Return the result of resuming in a copy and what was said, or how it failed."""
    shutil.copytree(pristine, copy)
    if damage is not None:
        damage(copy)
    heard: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return work.resume(copy, heard), heard
    except PosembedError:
        return "refused"
    except Exception as error:  # what the command line would show as a traceback
        print(f"traceback: {type(error).__name__}: {error}", file=sys.stderr)
        return "traceback"
    finally:
        shutil.rmtree(copy)


def make_texts(folder: Path) -> Path:
    """Write 60 documents of made-up words."""
    folder.mkdir()
    rng = random.Random(0)
    for number in range(60):
        (folder / f"{number}.txt").write_text(" ".join(rng.choices(WORDS, k=90)), encoding="utf-8")
    return folder


def make_model(folder: Path) -> Path:
    """Write a GPT-2 of 32 positions that knows these words."""
    words = {word: number for number, word in enumerate(["<unk>", *WORDS])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    model = _gpt2(POSITIONS)
    with torch.no_grad():
        model.transformer.wpe.weight.mul_(20)  # rows large enough to disturb, so that there is something to learn
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    return folder


def _gpt2(positions: int) -> Any:
    torch.manual_seed(0)
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": len(WORDS) + 1, "n_positions": positions}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes))


def _listening(heard: list[str]) -> Callbacks:
    """Return an observer that keeps warnings alone."""

    class Listening(Callbacks):
        def warning(self, text: str) -> None:
            heard.append(text)

    return Listening()


def _shares(works: Sequence[Work], flips: int) -> Iterator[int]:
    """Return how many of the flips each work gets; all of them are handed out."""
    ends = np.cumsum([0, *(work.share for work in works)]) * flips // sum(work.share for work in works)
    return (int(end - begin) for begin, end in itertools.pairwise(ends))


if __name__ == "__main__":
    sys.exit(main())
