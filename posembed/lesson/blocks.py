"""What a lesson is made of, as data: the page and the terminal draw the same blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from posembed.layout import TableLayout
from posembed.report.html.charts import Chart
from posembed.report.terminal.compare import TextTable


@dataclass(frozen=True)
class Words:
    """A paragraph; what stands between backquotes is code."""

    text: str


@dataclass(frozen=True)
class Points:
    """A list, one sentence or two a point."""

    items: Sequence[str]


@dataclass(frozen=True)
class Code:
    """Code that ran, and what it printed."""

    source: str
    output: str


@dataclass(frozen=True)
class Layouts:
    """Tables drawn as bars of rows: name, what the rows mean, and where that is published."""

    tables: Sequence[tuple[str, TableLayout, str]]


@dataclass(frozen=True)
class Charts:
    """Charts of the page; the terminal prints what they say."""

    charts: Sequence[Chart]


@dataclass(frozen=True)
class Widget:
    """Something to move.

    Attributes:
        kind: which one the page's script builds: ``"sum"``, ``"sinusoid"`` or ``"extend"``.
        title: what it shows.
        data: plain values for the script.
        words: the same as a table, for the terminal and for readers without a script.
        note: a sentence under it; where the terminal needs it, the words' title ends with it.
    """

    kind: str
    title: str
    data: dict[str, Any]
    words: TextTable
    note: str = ""


@dataclass(frozen=True)
class Quiz:
    """The place of the quiz."""


Block = Words | Points | Code | Layouts | Charts | Widget | Quiz | TextTable


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
