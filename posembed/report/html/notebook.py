"""How records show themselves in a notebook."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from posembed.records.base import Record
from posembed.report.html.words import escaped


@functools.singledispatch
def render(record: Record) -> str:
    """Return an HTML table of a record's plain values; other renderers register for their record's type."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escaped(name)}</th><td>{escaped(_brief(value))}</td></tr>"
        for name, value in record.to_dict().items()
    )
    return f"<table><caption>{escaped(type(record).__name__)}</caption>{rows}</table>"


def _brief(value: object) -> str:
    if isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        return str(value)
    return f"{len(value)} entries"
