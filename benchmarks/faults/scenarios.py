"""The calls in which every call on files fails once: what each needs, what it writes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from posembed.checkpoint import renames

LENGTH = 48
POSITIONS = 16
UNCHECKED = ("--check", "off")  # whether the copy loads is asked of a process whose calls none counts


class Scenario:
    """One call.

    Attributes:
        name: on the command line and in reports.
        arguments: of ``posembed``; ``{at}`` is the folder that everything lies in.
        target: what the call writes: must be absent, old or whole.
        again: arguments of the call that follows without a fault, if others.
        source: what it reads: must stay as it is.
        fills: the target is a folder that fills file by file, each of which must be absent, old or whole; its units are
            done by processes of their own, once.
    """

    name: str
    arguments: Sequence[str]
    target: str = "out"
    again: Sequence[str] | None = None
    source: str = "source"
    fills: bool = False

    def prepare(self, folder: Path) -> None:
        """Write what the call needs; done once, and copied for each k."""
        write_checkpoint(folder / "source")

    def before(self) -> None:
        """Change what the process of the call needs changed."""


class Directory(Scenario):
    """A directory with one weight file."""

    name = "extend"
    arguments = ("extend", "{at}/source", "{at}/new/out", "--to", str(LENGTH), *UNCHECKED)
    target = "new/out"


class Sharded(Scenario):
    """Two weight files and an index."""

    name = "extend, sharded"
    arguments = ("extend", "{at}/source", "{at}/out", "--to", str(LENGTH), *UNCHECKED)

    def prepare(self, folder: Path) -> None:
        """Split the weights."""
        source = write_checkpoint(folder / "source")
        tensors = list(load_file(source / "model.safetensors").items())
        (source / "model.safetensors").unlink()
        places: dict[str, str] = {}
        for number, part in enumerate((dict(tensors[:2]), dict(tensors[2:])), 1):
            name = f"model-0000{number}-of-00002.safetensors"
            save_file(part, source / name)
            places |= dict.fromkeys(part, name)
        index = {"metadata": {"total_size": 4}, "weight_map": places}
        (source / "model.safetensors.index.json").write_text(json.dumps(index))


class Forced(Scenario):
    """A directory takes the place of an old one."""

    name = "extend --force"
    arguments = ("extend", "{at}/source", "{at}/out", "--to", str(LENGTH), *UNCHECKED, "--force")

    def prepare(self, folder: Path) -> None:
        """Put an old checkpoint where the new one goes."""
        super().prepare(folder)
        shutil.copytree(folder / "source", folder / "out")
        (folder / "out" / "README.md").write_text("the old one")


class ForcedInTwoSteps(Forced):
    """The same where the system cannot exchange two names."""

    name = "extend --force, without renameat2"

    def before(self) -> None:
        """Take the system call away."""
        renames._renameat2 = lambda: None  # type: ignore[assignment]


class Linked(Scenario):
    """Hard links instead of copies."""

    name = "extend --link"
    arguments = ("extend", "{at}/source", "{at}/out", "--to", str(LENGTH), *UNCHECKED, "--link")


class Pickle(Scenario):
    """A checkpoint as PyTorch saves it."""

    name = "extend, pickle"
    arguments = ("extend", "{at}/source", "{at}/out", "--to", str(LENGTH), *UNCHECKED)

    def prepare(self, folder: Path) -> None:
        """Write the weights as a pickle."""
        source = write_checkpoint(folder / "source")
        import torch  # which the other calls do without: a copy of a small process is made faster

        tensors = load_file(source / "model.safetensors")
        (source / "model.safetensors").unlink()
        torch.save({key: torch.from_numpy(each) for key, each in tensors.items()}, source / "pytorch_model.bin")


class SingleFile(Scenario):
    """A file takes the place of an old one."""

    name = "extend FILE --force"
    arguments = (
        "extend",
        "{at}/source/model.safetensors",
        "{at}/out.safetensors",
        "--to",
        str(LENGTH),
        *UNCHECKED,
        "--force",
    )
    target = "out.safetensors"

    def prepare(self, folder: Path) -> None:
        """Put an old file where the new one goes."""
        super().prepare(folder)
        shutil.copy(folder / "source" / "model.safetensors", folder / "out.safetensors")


class LengthAware(Scenario):
    """Length-aware tables beside the weights."""

    name = "extend --length-aware"
    arguments = ("extend", "{at}/source", "{at}/out", "--to", "48", "--length-aware", *UNCHECKED)

    def prepare(self, folder: Path) -> None:
        """Write a model that Transformers builds."""
        from benchmarks.bit_flips import make_model

        make_model(folder / "source")


class Page(Scenario):
    """A report takes the place of an old one."""

    name = "inspect --html"
    arguments = ("inspect", "{at}/source", "--html", "{at}/report.html")
    target = "report.html"

    def prepare(self, folder: Path) -> None:
        """Put an older report there."""
        super().prepare(folder)
        marked = '<!DOCTYPE html><meta name="generator" content="posembed">'
        (folder / "report.html").write_text(marked)


class Calibrate(Scenario):
    """Training, its state and the checkpoint that it writes."""

    name = "calibrate"
    arguments = ("calibrate", "{at}/source", "{at}/out", "--data", "{at}/texts", "--to", "64",
                 "--steps", "4", "--every", "2", "--batch", "2", "--precision", "fp32", *UNCHECKED)  # fmt: skip
    again = (*arguments, "--resume")

    def prepare(self, folder: Path) -> None:
        """Write a small model, and texts."""
        from benchmarks.bit_flips import make_model, make_texts

        make_model(folder / "source")
        make_texts(folder / "texts")


class Compare(Scenario):
    """The folder of a comparison whose units are done: its setup, results, tables, plots and reports."""

    name = "compare"
    arguments = ("compare", "--data", "{at}/source", "--out", "{at}/out", "--encodings", "learned,sinusoidal",
                 "--resume", "--train-length", "16", "--d-model", "16", "--layers", "1", "--heads", "2", "--steps", "8",
                 "--batch-size", "4", "--evaluations", "2", "--warmup-steps", "1", "--windows-per-document", "1",
                 "--evaluation-documents", "4", "--precision", "fp32")  # fmt: skip
    fills = True

    def prepare(self, folder: Path) -> None:
        """Write texts; the units are trained by :mod:`benchmarks.faults.run`, once."""
        from benchmarks.bit_flips import make_texts

        make_texts(folder / "source")


SCENARIOS: Sequence[Scenario] = (
    Directory(), Sharded(), Forced(), ForcedInTwoSteps(), Linked(), Pickle(), SingleFile(), LengthAware(), Page(),
    Calibrate(), Compare(),
)  # fmt: skip


def write_checkpoint(folder: Path) -> Path:
    """Write a BERT of 16 positions with a tokenizer, a folder of a module and an empty one."""
    rng = np.random.default_rng(0)
    shapes = {
        "embeddings.word_embeddings.weight": (50, 8),
        "embeddings.position_embeddings.weight": (POSITIONS, 8),
        "encoder.layer.0.output.dense.weight": (8, 3000),
    }
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "2_Normalize").mkdir()
    tensors = {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    files = {
        "config.json": {"model_type": "bert", "hidden_size": 8, "max_position_embeddings": POSITIONS},
        "tokenizer_config.json": {"model_max_length": POSITIONS},
        "1_Pooling/config.json": {"word_embedding_dimension": 8},
        "vocab.json": {},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder
