"""Recognize fixed sinusoids under a table's name: by family, by configuration, or by the values themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from posembed.checkpoint.tensors import Array
from posembed.find import families
from posembed.find.config import Node, is_family
from posembed.find.families import weights
from posembed.find.found import FoundTable, Frozen
from posembed.tables.formulas import formula_of


def why_fixed(key: str, family: str, tree: list[Node], rows: Array | None) -> str | None:
    """Return why a tensor is a fixed sinusoid and no learned table, or ``None``.

    Args:
        key: its name in the file.
        family: of the configuration that governs it.
        tree: the configuration and its parts, outermost first.
        rows: some of its rows, ``[n, d_model]``, or ``None`` if they cannot be read.
    """
    types = _types(family, tree)
    for law in _laws(key, types):
        if not (law.values_decide and rows is not None and not looks_sinusoidal(rows)):
            return law.reason
    for node in tree:
        switch = families.SINUSOID_SWITCHES.get(node.model_type)
        if switch is not None and node.model_type in types and node.fields.get(switch[0]) == switch[1]:
            return f"a fixed sinusoid: the configuration says {node.dotted(switch[0])} = {switch[1]}"
    if rows is not None and looks_sinusoidal(rows):
        return "a fixed sinusoid: all its rows have the same norm, as sin² + cos² makes them, and bounded values"
    return None


def frozen_by(table: FoundTable, tree: list[Node], rows: Array | None) -> Frozen | None:
    """Return the formula that a fixed sinusoid's rows follow, or ``None`` if they follow no known one.

    Args:
        table: what its rows would mean if it were a learned table.
        tree: the configuration and its parts, outermost first.
        rows: some of its rows, ``[n, d_model]``, or ``None`` if they cannot be read.
    """
    # Stored otherwise than row by row, the leading rows of a grid are not those of its first patches.
    if rows is None or not (table.stored.is_matrix or table.stored.is_batched_rows):
        return None
    formula = formula_of(rows, table.layout)
    if formula is None:
        return None
    for law in _laws(table.key, _types(table.family, tree)):
        return Frozen(str(formula), of_text=law.of_text, grows=law.grows)
    # Encoders of sound count their positions in max_source_positions.
    tokens = any(rule.unit == "rows" and not rule.name.endswith("max_source_positions") for rule in table.fields)
    return Frozen(str(formula), of_text=tokens)


def _types(family: str, tree: list[Node]) -> list[str]:
    """The model types whose laws hold: the governing configuration's, and the outermost one's."""
    return [family, *(node.model_type for node in tree[:1])]


def _laws(key: str, types: list[str]) -> Iterator[families.Sinusoid]:
    for law in families.SINUSOIDS:
        if re.search(law.key, key) and any(is_family(each, law.families) for each in types):
            yield law


def looks_sinusoidal(rows: Array) -> bool:
    """Return whether rows are those of a sinusoid: all of one norm, which random or trained rows never have.

    With ``sin² + cos² = 1`` for every pair of columns, a row's norm is its largest value × √(d_model / 2).

    Args:
        rows: ``[n, d_model]``; zero rows (a class token's) are left out.

    Example:
        >>> angles = np.arange(8)[:, None] / 10.0 ** np.arange(6)
        >>> looks_sinusoidal(np.concatenate((np.sin(angles), np.cos(angles)), axis=1))
        True
        >>> looks_sinusoidal(np.random.default_rng(0).normal(size=(8, 12)))
        False
    """
    work = np.asarray(rows, dtype=np.float64)
    norms = np.linalg.norm(work, axis=1)
    kept = norms > 0
    if kept.sum() < weights.FEWEST_ROWS or not np.isfinite(norms).all():
        return False
    norms, work = norms[kept], work[kept]
    if np.ptp(norms) > weights.NORM_SPREAD * norms.mean() or np.ptp(work, axis=0).max() == 0:
        return False
    expected = np.abs(work).max() * np.sqrt(work.shape[1] / 2)
    return bool(abs(norms.mean() / expected - 1) < weights.NORM_ERROR)
