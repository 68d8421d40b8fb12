"""A command and its options record: names, types, help, defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from posembed.cli.command import command, field_documentation, names_of
from posembed.cli.parser import Parser
from posembed.records.base import Options


@dataclass(frozen=True, kw_only=True)
class Base(Options):
    data: str
    """Text, as in ``length``."""
    length: int | None = None
    """Usable positions."""


@dataclass(frozen=True, kw_only=True)
class Everything(Base):
    length: int | None = 512
    """Usable positions; requires `data`."""
    grid: tuple[int, int] | None = None
    image_size: int | tuple[int, int] | None = None
    precision: Literal["auto", "fp32"] = "auto"
    method: Literal["auto", "tile"] | str = "auto"
    tasks: tuple[Literal["a", "b"], ...] = ("a", "b")
    lengths: tuple[int, ...] | None = None
    tables: tuple[str, ...] | None = None
    original: str | os.PathLike[str] | None = None
    rate: float = 0.5
    resume: bool = False
    plots: bool = True
    antialias: bool | None = None
    internal: Mapping[str, int] = field(default_factory=dict, metadata={"cli": False})


@command(aliases={"grid": "--table-grid"})
def judge(checkpoint: Path, /, options: Everything, *, as_json: bool = False) -> object:
    """Judge."""
    return checkpoint, options, as_json


def called(*words):
    app = Parser(help_format="plaintext")
    app.command(judge, name="judge")
    function, bound, _ = app.parse_args(["judge", *words], exit_on_error=False, print_error=False)
    return function(*bound.args, **bound.kwargs)


def test_defaults_are_those_of_the_record():
    assert called("model", "--data", "x") == (Path("model"), Everything(data="x"), False)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--to=7"], "length", 7),
        (["--to", "-7"], "length", -7),
        (["--grid=2x3"], "grid", (2, 3)),
        (["--table-grid", "2x3"], "grid", (2, 3)),
        (["--image-size=384"], "image_size", 384),
        (["--image-size=384x512"], "image_size", (384, 512)),
        (["--precision=fp32"], "precision", "fp32"),
        (["--method", "tile"], "method", "tile"),
        (["--tasks=b"], "tasks", ("b",)),
        (["--tasks", "b,a"], "tasks", ("b", "a")),
        (["--lengths=512,1024"], "lengths", (512, 1024)),
        (["--table=a", "--table", "b"], "tables", ("a", "b")),
        (["--original", "dir"], "original", "dir"),
        # Words that the parser has a meaning for are names here.
        (["--original", "none"], "original", "none"),
        (["--data=null"], "data", "null"),
        (["--table=none", "--table", "null"], "tables", ("none", "null")),
        (["--table", '["a", "b"]'], "tables", ('["a", "b"]',)),
        (["--table={}"], "tables", ("{}",)),
        (["--rate=1e-3"], "rate", 1e-3),
        (["--resume"], "resume", True),
        (["--no-plots"], "plots", False),
        (["--antialias"], "antialias", True),
        (["--no-antialias"], "antialias", False),
        (["--rate=1", "--rate=2"], "rate", 2.0),  # the last one wins, as it always did
        (["--tasks=a", "--tasks=b"], "tasks", ("b",)),
        (["--precision=auto", "--precision=fp32"], "precision", "fp32"),
    ],
)
def test_every_type_of_field(words, name, value):
    _, options, _ = called("model", "--data=x", *words)
    assert getattr(options, name) == value
    assert getattr(Everything(data="x"), name) != value or name in ("precision",)


def test_names_for_messages():
    names = names_of(judge)
    assert names["checkpoint"] == "CHECKPOINT"
    assert names["length"] == "--to"
    assert names["image_size"] == "--image-size"
    assert "internal" not in names
    assert names_of(print) == {}


def test_fields_are_documented_by_the_string_below_them():
    texts = field_documentation(Everything)
    assert texts["data"] == "Text, as in ``length``."
    assert texts["length"] == "Usable positions; requires `data`."  # the nearest class says it


def test_the_help_names_options(capsys):
    app = Parser(name="p", help_format="plaintext")
    app.command(judge, name="judge")
    app.help_print(["judge"])
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for text in (
        "--data TEXTS Text, as in `--to`.".replace("`", ""),
        "--to N Usable positions; requires --data. [default: 512]",
        "--grid --table-grid HxW",
        "--tasks NAME,… [choices: a, b] [default: a,b]",
        "--plots --no-plots",
        "--resume",
    ):
        assert text in printed
    assert "--no-resume" not in printed
    assert "internal" not in printed
