"""Recognize fixed sinusoids under a table's name: by family, by configuration, or by the values themselves."""

from __future__ import annotations

import re

import numpy as np

from posembed.checkpoint.tensors import Array
from posembed.find import families
from posembed.find.config import Node, is_family
from posembed.find.families import weights


def why_fixed(key: str, family: str, tree: list[Node], rows: Array | None) -> str | None:
    """Return why a tensor is a fixed sinusoid and no learned table, or ``None``.

    Args:
        key: its name in the file.
        family: of the configuration that governs it.
        tree: the configuration and its parts, outermost first.
        rows: some of its rows, ``[n, d_model]``, or ``None`` if they cannot be read.
    """
    types = [family, *(node.model_type for node in tree[:1])]
    for law in families.SINUSOIDS:
        if re.search(law.key, key) and any(is_family(each, law.families) for each in types):
            if law.values_decide and rows is not None and not looks_sinusoidal(rows):
                continue
            return law.reason
    for node in tree:
        switch = families.SINUSOID_SWITCHES.get(node.model_type)
        if switch is not None and node.model_type in types and node.fields.get(switch[0]) == switch[1]:
            return f"a fixed sinusoid: the configuration says {node.dotted(switch[0])} = {switch[1]}"
    if rows is not None and looks_sinusoidal(rows):
        return "a fixed sinusoid: all its rows have the same norm, as sin² + cos² makes them, and bounded values"
    return None


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
