"""Watch the learned position tables of a model while it is trained, in any loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from posembed.errors import InvalidArgumentError
from posembed.extension.live import learned_tables
from posembed.integrations.row_counts import Norms, RowCounts
from posembed.nn.length_aware import LengthAwareEmbedding

_SHOWN_RANGES = 3  # a sentence with more of them is a list that nobody reads


class TableMonitor:
    """Watch which positions of a model's learned position tables training reaches.

    Call :meth:`step` once per optimizer step, after the backward passes and before the gradients are zeroed; log
    :meth:`scalars` wherever you log; print :meth:`warnings` after the first epoch. A position is reached if its row has
    a gradient: padding that attention ignores does not count.

    With gradient accumulation call :meth:`step` once per update, with a ``GradScaler`` as well: scaled gradients count
    the same, and those that overflowed do not count. ``DistributedDataParallel`` and ``fully_shard`` (FSDP2) give every
    process the gradients of all; there, call every method on every process. Where gradients are not in ``.grad``
    (DeepSpeed ZeRO, optimizers that run inside the backward pass), nothing can be counted, and :meth:`warnings` says
    so. ``FullyShardedDataParallel`` (FSDP1) flattens the tables, so that none is found.

    Args:
        model: a Transformers model, or any module with a learned position table, also wrapped for data-parallel
            training or compiled.

    Attributes:
        tables: one :class:`posembed.integrations.row_counts.RowCounts` per table.
        steps: number of counted optimizer steps.

    Raises:
        InvalidArgumentError: for a model without a learned position table, or with length-aware ones.

    Example:
        >>> import torch
        >>> from posembed import LearnedPositionalEmbedding
        >>> model = LearnedPositionalEmbedding(8, 16)
        >>> monitor = TableMonitor(model)                                      # 1
        >>> for length in (3, 4, 3):
        ...     model(length).sum().backward()
        ...     monitor.step()                                                 # 2
        ...     model.zero_grad()
        >>> monitor.scalars()["position_table/weight/coverage"]                # 3
        0.5
        >>> print(monitor.warnings()[0])
        weight: positions 4 to 7 of 8 had no gradient in 3 steps. Inputs longer than 4 tokens read these untrained ...
    """

    def __init__(self, model: nn.Module) -> None:
        model = _unwrapped(model)
        if any(isinstance(module, LengthAwareEmbedding) for module in model.modules()):
            raise InvalidArgumentError(
                f"{type(model).__name__} has length-aware positions, several tables in one parameter, which cannot be "
                "monitored: train the model without them, and add them afterwards with posembed.extend_model"
            )
        self.steps = 0
        parameters = dict(model.named_parameters())
        self.tables = tuple(RowCounts(table, parameters[table.key]) for table in learned_tables(model))
        if not self.tables:
            raise InvalidArgumentError(
                f"{type(model).__name__} has no learned position table, so there is nothing to monitor: its positions "
                "may be rotary, relative, sinusoidal or none"
            )

    def step(self) -> None:
        """Count the positions that have a gradient now."""
        self.steps += 1
        for table in self.tables:
            table.step()

    def scalars(self, *, trained_range: bool = False) -> dict[str, float]:
        """Return what there is to log, named ``position_table/PARAMETER/MEASURE``.

        The measures of each table that has had a gradient:

        - ``coverage``: share of the positions that have had a gradient;
        - ``last_trained_position``: the highest of them;
        - ``frequency_min``, ``frequency_median``, ``frequency_max``: in which share of the steps a position had one;
        - ``norm_trained_min``, ``…_median``, ``…_max``: norms of the rows of these positions;
        - ``norm_untrained_min``, ``…_median``, ``…_max``: norms of the other rows, where there are any;
        - ``rows_not_finite``: number of rows that hold NaN or an infinity, where there are any;
        - ``trained_range``: number of leading positions that look trained, where the table shows it.

        Args:
            trained_range: also infer the trained range from the table alone, which takes longer than the rest.
        """
        return {
            f"position_table/{table.name.removesuffix('.weight')}/{measure}": float(value)
            for table in self.tables
            if table.steps
            for measure, value in _measures(table, trained_range=trained_range)
        }

    def histograms(self) -> dict[str, NDArray[np.float32]]:
        """Return arrays for a backend that draws histograms: norms of rows, and how often each position had a gradient.

        They are named as the scalars are: ``norms`` of trained rows, and ``frequency`` of all positions.
        """
        found: dict[str, NDArray[np.float32]] = {}
        for table in self.tables:
            if table.steps:
                prefix = f"position_table/{table.name.removesuffix('.weight')}"
                found[f"{prefix}/frequency"] = (table.counts() / table.steps).astype(np.float32)
                if len(norms := table.norms().trained):
                    found[f"{prefix}/norms"] = norms
        return found

    def warnings(self) -> list[str]:
        """Return one sentence or two about each table with positions that have had no gradient yet."""
        return [sentence for table in self.tables if (sentence := _warning(table))]

    def state_dict(self) -> dict[str, object]:
        """Return the counts by parameter, as plain values for JSON."""
        return {table.name: table.state_dict() for table in self.tables}

    def load_state_dict(self, state: Mapping[str, Mapping[str, object]]) -> None:
        """Continue from the counts that :meth:`state_dict` returned; a table that is not among them starts at zero.

        Raises:
            InvalidArgumentError: if the counts belong to a table with another number of positions.
        """
        for table in self.tables:
            if table.name in state:
                table.load_state_dict(state[table.name])
        self.steps = max(table.steps for table in self.tables)


def _unwrapped(model: nn.Module) -> nn.Module:
    """Return the model inside a compiled or data-parallel one, whose names and configuration users know."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def _measures(table: RowCounts, *, trained_range: bool) -> Iterator[tuple[str, float]]:
    counts = table.counts()
    trained = np.flatnonzero(counts)
    yield "coverage", len(trained) / len(counts)
    if len(trained):
        yield "last_trained_position", trained[-1]
    yield from _spread("frequency", (counts / table.steps).astype(np.float32))
    norms = table.norms()
    yield from _spread("norm_trained", norms.trained)
    yield from _spread("norm_untrained", norms.untrained)
    if norms.not_finite:
        yield "rows_not_finite", norms.not_finite
    if trained_range and (end := table.trained_range()) is not None:
        yield "trained_range", end


def _spread(name: str, values: Norms) -> Iterator[tuple[str, float]]:
    if len(values):
        yield f"{name}_min", float(values.min())
        yield f"{name}_median", float(np.median(values))
        yield f"{name}_max", float(values.max())


def _warning(table: RowCounts) -> str:
    """Return what a user should know of a table's untrained positions, or nothing."""
    if not table.steps:
        return _without_gradient(table)
    counts = table.counts()
    missing = np.flatnonzero(counts == 0)
    if not len(missing):
        return ""
    steps, positions = f"{table.steps:,} step{'s' if table.steps > 1 else ''}", len(counts)
    if len(missing) == positions:
        return f"{table.name}: every gradient was zero or not finite in {steps}, so no position was trained"
    first, tail = int(missing[0]), len(missing) == positions - missing[0]
    found = f"{table.name}: {_ranges(missing)} of {positions} had no gradient in {steps}"
    if table.table.layout.grid is not None:
        return f"{found}. These are patches of the image grid that the loss does not depend on"
    if not tail:
        return f"{found}. Inputs that use these positions read untrained rows: train on inputs that cover them"
    if first == positions - 1:
        return (
            f"{found}. For a causal language model this is normal: after its last position there is no token to "
            "predict. Otherwise train on inputs of the full length"
        )
    return (
        f"{found}. Inputs longer than {first} tokens read these untrained rows: train on longer inputs, or limit the "
        f"tokenizer to {first} tokens (model_max_length). To extend the table, start from its trained rows alone "
        f"(posembed extend --range {first})"
    )


def _without_gradient(table: RowCounts) -> str:
    if table.frozen:
        return f"{table.name} is frozen (requires_grad=False): no position of it is trained"
    return (
        f"{table.name} has had no gradient in .grad, so nothing could be counted. The gradients may have been zeroed "
        "before they were counted, be held elsewhere (DeepSpeed ZeRO), or the loss may not depend on the table"
    )


def _ranges(positions: NDArray[np.int64]) -> str:
    """Return sorted positions in words.

    Example:
        >>> _ranges(np.array([0, 4, 5, 6])), _ranges(np.array([7]))
        ('positions 0, 4 to 6', 'position 7')
    """
    runs: Sequence[NDArray[np.int64]] = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:_SHOWN_RANGES]]
    if len(runs) > _SHOWN_RANGES:
        parts.append(f"… ({len(positions)} in all)")
    return f"position{'s' if len(positions) > 1 else ''} {', '.join(parts)}"
