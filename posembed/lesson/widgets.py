"""The interactive parts of the page. Everything they can show is computed here; the script only selects and adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from posembed.lesson.blocks import Widget
from posembed.lesson.example import Example
from posembed.records.base import JsonObject
from posembed.report.html.charts import packed
from posembed.report.numbers import number
from posembed.report.text_table import TextTable
from posembed.tables.built_in import BUILT_IN
from posembed.tables.extend import exact_rows, extend_table
from posembed.tables.method import Method
from posembed.tables.registry import METHODS

PLACES = 64  # positions that the sentence can start at
SHORT = 32  # rows of the table that is extended: few enough to see each
LONGER = (40, 48, 64, 96, 128)  # lengths it can be extended to
WIDTHS = (8, 16, 32, 64)  # widths of the sinusoids
LENGTH = 128  # longest sinusoid shown
FIRST = 6  # numbers of a row that are written out
ROUNDED = "rounded; the sum is taken before rounding"
_NOT_LINEAR = {"random", "sinusoid"}  # new rows are not weighted sums of old ones, which is all the script can compute
_OPTIONS: Mapping[str, Mapping[str, Any]] = {"stretch": {"keep": 8}}  # its default keeps all rows: nothing to see


def scaled(values: NDArray[np.floating]) -> JsonObject:
    """Return a matrix for the page, in 16-bit steps of its largest absolute value / 10,000.

    Example:
        >>> scaled(np.array([[2.0, -1.0]]))["scale"]
        2.0
    """
    scale = float(np.abs(values).max()) or 1.0
    return packed(np.asarray(values, dtype=np.float64) / scale) | {"scale": scale}


def sum_widget(example: Example) -> Widget:
    """Return a sentence whose start can be moved: token row + position row, number by number."""
    places = min(PLACES, len(example.table))
    rows = example.table[:places]
    data = {
        "tokens": list(example.tokens),
        "ids": list(example.ids),
        "reserved": example.reserved,
        "token_rows": scaled(example.token_rows),
        "position_rows": scaled(rows),
        # Four digits of these are written out, which the steps of the packed ones would not always give.
        "first": {
            "token_rows": _exact(example.token_rows[:, :FIRST]),
            "position_rows": _exact(rows[:, :FIRST]),
        },
        "note": f"Numbers are {ROUNDED}.",
    }
    header = ("position", "row", "token", "id", "token row", "+ position row", "= input")
    lines = []
    for place, (token, number_, row) in enumerate(zip(example.tokens, example.ids, example.token_rows, strict=True)):
        shown = (_first(row), _first(rows[place]), _first(row.astype(np.float64) + rows[place]))
        lines.append((str(place), str(example.reserved + place), token, str(number_), *shown))
    return Widget(
        "sum",
        "Move the sentence, choose a token",
        data,
        TextTable(f"First three numbers of {example.token_rows.shape[1]}, {ROUNDED}", header, lines),
    )


def _first(row: NDArray[np.floating]) -> str:
    return " ".join(number(float(value), 4) for value in row[:3])


def _exact(rows: NDArray[np.floating]) -> list[list[float]]:
    """Return numbers with the nine digits that identify a float32."""
    return [[float(f"{value:.9g}") for value in row] for row in rows]


def sinusoid_widget(example: Example) -> Widget:
    """Return sinusoidal rows of each variant and width beside learned ones, with the cosine of every pair."""
    import torch

    from posembed.nn.sinusoidal import Variant, sinusoidal_rows

    variants = get_args(Variant)
    tables = {
        f"{variant}-{width}": scaled(sinusoidal_rows(torch.arange(LENGTH), width, variant=variant).numpy())
        for variant in variants
        for width in WIDTHS
    }
    learned = example.table[:LENGTH]
    data = {
        "variants": list(variants),
        "widths": list(WIDTHS),
        "length": LENGTH,
        "tables": tables,
        "learned": {"name": example.model, "matrix": scaled(learned)},
    }
    first = {variant: sinusoidal_rows(torch.tensor([1]), 8, variant=variant)[0].tolist() for variant in variants}
    lines = [(variant, " ".join(number(value) for value in row)) for variant, row in first.items()]
    words = TextTable("Row of position 1, width 8, in each variant", ("variant", "numbers"), lines)
    return Widget("sinusoid", "Sinusoids: choose variant, length and width", data, words)


def extend_widget(example: Example) -> Widget:
    """Return the first rows of a table, extended by every method whose new rows are weighted sums of old ones."""
    rows = example.table[:SHORT].astype(np.float64)
    short, identity = len(rows), np.eye(len(rows))
    methods: dict[str, dict[str, object]] = {}
    lines = []
    for method in BUILT_IN:
        name = method.name
        of_sequences = METHODS["sequence"].get(name) is method  # grids have methods of the same names
        if not of_sequences or method.direction == "shorter" or name in _NOT_LINEAR:
            continue
        options = _OPTIONS.get(name, {})
        weights = {n: extend_table(identity, n, method=name, **options) for n in LONGER}
        longest = extend_table(rows, LONGER[-1], method=name, **options)
        # The page multiplies weights by rows: that must give what the library gives for these rows.
        np.testing.assert_allclose(weights[LONGER[-1]] @ rows, longest, atol=1e-9)
        kept = {n: _kept(name, short, n, options) for n in LONGER}
        control = method.source.startswith("control")
        makes = f"{'the new table: ' if _of_the_table(method) else 'new row t is '}{method.formula}"
        used = _options_used(method, options, short)
        methods[name] = {
            "makes": makes,
            "control": control,
            "options": used,
            "exact": method.exact,
            "weights": {str(n): scaled(matrix) for n, matrix in weights.items()},
            "kept": {str(n): count for n, count in kept.items()},
        }
        label = f"{name} (a control)" if control else name
        lines.append((label, makes, used or "–", f"{kept[LONGER[-1]]} of {short}"))
    data = {"rows": scaled(rows), "short": short, "lengths": list(LONGER), "methods": methods}
    header = ("method", "what it makes", "options", "old rows kept in place")
    note = _symbols(short)
    words = TextTable(f"The first {short} rows of this table, extended to {LONGER[-1]}. {note}", header, lines)
    return Widget("extend", "Make a table longer: choose method and length", data, words, note)


def _of_the_table(method: Method) -> bool:
    """Return whether the formula describes the whole new table, not its row t."""
    return ", then " in method.formula


def _options_used(method: Method, options: Mapping[str, Any], short: int) -> str:
    """Return every option with its value; `range` and `keep`, where left out, are all old rows."""
    used = {**method.options, **options}
    used |= {name: short for name in ("keep", "range") if used.get(name, 0) is None}
    return ", ".join(f"{name}={value}" for name, value in used.items() if value is not None)


def _symbols(short: int) -> str:
    """Return a sentence that explains the symbols of the formulas and options."""
    return (
        f"P: the old rows; L: their number, here {short}; N: the number of rows of the new table, which t counts from "
        "0; ÷ and mod: quotient and remainder of whole numbers; keep: number of leading rows that are kept unchanged; "
        "range: number of old rows that are used; alpha (α): weight of the row of the quotient against that of the "
        "remainder."
    )


def _kept(name: str, short: int, longer: int, options: Mapping[str, Any]) -> int:
    """Return how many old rows are kept at their positions, bit for bit."""
    from posembed.layout import TableLayout

    pairs = exact_rows(name, TableLayout(length=short), longer, **options)
    return len({int(old) for old, new in pairs if old == new})
