"""The parts of a lesson as data: the page and the terminal draw the same blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from posembed.layout import TableLayout
from posembed.report.html.charts import Chart
from posembed.report.text_table import TextTable


@dataclass(frozen=True)
class Words:
    """A paragraph; text between backquotes is code."""

    text: str


@dataclass(frozen=True)
class Points:
    """A list of points, one or two sentences each."""

    items: Sequence[str]


@dataclass(frozen=True)
class Code:
    """Code that was run, and its output."""

    source: str
    output: str


@dataclass(frozen=True)
class Layouts:
    """Tables drawn as bars of rows: name, meaning of the rows, and source."""

    tables: Sequence[tuple[str, TableLayout, str]]


@dataclass(frozen=True)
class Charts:
    """Charts of the page; the terminal prints their readings."""

    charts: Sequence[Chart]


@dataclass(frozen=True)
class Widget:
    """An interactive part of the page.

    Attributes:
        kind: what the script of the page builds: ``"sum"``, ``"sinusoid"`` or ``"extend"``.
        title: what it shows.
        data: plain values for the script.
        words: the same as a table, for the terminal and for readers without a script.
        note: a sentence below it; where the terminal needs it, the title of ``words`` ends with it.
    """

    kind: str
    title: str
    data: Mapping[str, object]
    words: TextTable
    note: str = ""


@dataclass(frozen=True)
class Quiz:
    """Where the quiz goes."""


Block = Words | Points | Code | Layouts | Charts | Widget | Quiz | TextTable


@dataclass(frozen=True)
class Section:
    """A heading and the blocks below it."""

    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
