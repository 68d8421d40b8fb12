"""Where a table enters a model: the first module input that depends on the table and on the content both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.census.inputs import Inputs

LIMIT = 40_000_000
TOTAL = 100_000_000
"""Elements kept of one module input, and of one run: tables enter early, so what comes after is not looked at."""


class _Enough(Exception):  # noqa: N818 - a signal, not an error
    """Stops a forward once the sum point has been read."""


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the floating tensors inside arguments or outputs."""
    if isinstance(value, Tensor):
        if value.is_floating_point() and 1 < value.numel() <= LIMIT:
            yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)


@contextmanager
def _hooks(tower: nn.Module, see: Any) -> Iterator[None]:
    """Show every module input, in order, to `see(name, tensor)`."""

    def show(name: str) -> Any:
        def hook(_module: nn.Module, args: Any, kwargs: Any) -> None:
            for value in _tensors((args, kwargs)):
                see(name, value)

        return hook

    handles = [
        m.register_forward_pre_hook(show(n), with_kwargs=True) for n, m in tower.named_modules() if m is not tower
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def record(tower: nn.Module, inputs: Inputs) -> list[tuple[str, Tensor]]:
    """Run a tower and keep every module input, then every output."""
    events: list[tuple[str, Tensor]] = []
    kept = 0

    def keep(name: str, value: Tensor) -> None:
        nonlocal kept
        kept += value.numel()
        if kept > TOTAL:
            raise _Enough
        events.append((name, value.detach().clone()))

    try:
        with _hooks(tower, keep):
            torch.manual_seed(0)  # a few models draw even while they infer
            output = tower(**inputs)
    except _Enough:
        return events
    values = (
        output
        if isinstance(output, (tuple, list, Tensor))
        else list(output.values())
        if hasattr(output, "values")
        else []
    )
    return events + [("output", t.detach().clone()) for t in _tensors(values)]


@dataclass
class Scene:
    """A base run with what its content, and one place of its content, reach."""

    tower: nn.Module
    inputs: Inputs
    base: list[tuple[str, Tensor]]
    content: list[Tensor | None]
    places: dict[str, list[Tensor | None]]


def _difference(base: list[tuple[str, Tensor]], other: list[tuple[str, Tensor]]) -> list[Tensor | None]:
    """Subtract two runs event by event; None where they agree or do not match."""
    out: list[Tensor | None] = []
    for i, (name, value) in enumerate(base):
        same = i < len(other) and other[i][0] == name and other[i][1].shape == value.shape
        delta = (other[i][1] - value).abs() if same else None
        out.append(None if delta is None or not bool((delta > 0).any()) else delta)
    return out


def scene(tower: nn.Module, make: Any, size: Any, places: tuple[str, ...]) -> Scene:
    """Run the base, the changed content and the changed places."""
    inputs = make("base", size)
    base = record(tower, inputs)
    content = _difference(base, record(tower, make("content", size)))
    return Scene(tower, inputs, base, content, {p: _difference(base, record(tower, make(p, size))) for p in places})


@torch.no_grad()
def shift(stage: Scene, table: Tensor, delta: Tensor, at: int | None = None) -> tuple[int, Tensor] | None:
    """Add `delta` to a table and read the first event that it and the content both reach (or the event `at`)."""
    found: list[tuple[int, Tensor]] = []
    position = 0

    def see(name: str, value: Tensor) -> None:
        nonlocal position
        i, position = position, position + 1
        if i >= len(stage.base) or stage.base[i][0] != name or stage.base[i][1].shape != value.shape:
            return
        if (i == at) if at is not None else (stage.content[i] is not None and not torch.equal(value, stage.base[i][1])):
            found.append((i, value - stage.base[i][1]))
            raise _Enough

    kept = table.detach().clone()
    try:
        table.data.add_(delta)
        with _hooks(stage.tower, see):
            torch.manual_seed(0)
            output = stage.tower(**stage.inputs)
        values = (
            output
            if isinstance(output, (tuple, list, Tensor))
            else list(output.values())
            if hasattr(output, "values")
            else []
        )
        for t in _tensors(values):
            see("output", t)
    except _Enough:
        pass
    finally:
        table.data.copy_(kept)
    return found[0] if found else None


@dataclass
class RowMap:
    """Which row every token reads (`rows`, −1: none), whether it holds content, which token holds a place (`at`)."""

    shape: tuple[int, ...]
    channel_axis: int
    rows: np.ndarray
    content: np.ndarray
    at: dict[str, int]
    clean: bool
    event: str


def token_axes(stage: Scene, event: int) -> list[int]:
    """Find the axes of an event along which places lie: a change of one place does not fill them."""
    delta = next((d[event] for d in stage.places.values() if d[event] is not None), None)
    if delta is None:
        return []
    mask = delta > 0.02 * delta.max()
    reached = [float(mask.any(tuple(i for i in range(mask.ndim) if i != a)).float().mean()) for a in range(mask.ndim)]
    return [a for a in range(mask.ndim) if mask.shape[a] > 1 and reached[a] <= 0.34]


def _by_token(delta: Tensor, axes: list[int]) -> Tensor:
    """Put the token axes first and flatten: [tokens, rest]."""
    rest = [a for a in range(delta.ndim) if a not in axes]
    moved = delta.permute(*axes, *rest)
    return moved.reshape(int(np.prod([delta.shape[a] for a in axes])), -1)


def row_map(stage: Scene, table: Tensor, part: int | None = None) -> RowMap | str:
    """Read which row every token gets (of one `part` of the first axis), or say why this is no table of places."""
    mask = torch.ones_like(table)
    if part is not None:
        mask.zero_()[part] = 1
    first = shift(stage, table, mask)
    if first is None:
        return "no effect"
    event, ones = first
    axes = token_axes(stage, event)
    if not axes:
        return "not bound to a place"
    unit = _by_token(ones, axes)
    content = stage.content[event]
    holds = (_by_token(content, axes) > 0).any(1).numpy()
    at = {p: int(_by_token(d[event], axes).amax(1).argmax()) for p, d in stage.places.items() if d[event] is not None}
    best: RowMap | None = None
    for channel in sorted(range(table.ndim), key=lambda a: (a != table.ndim - 1, a)):
        if table.shape[channel] == 1:
            continue
        shape = tuple(s for a, s in enumerate(table.shape) if a != channel)
        ramp = torch.arange(1, int(np.prod(shape)) + 1, dtype=table.dtype).reshape(shape).unsqueeze(channel)
        read = shift(stage, table, ramp.expand_as(table) * mask, event)
        if read is None:
            continue
        ratio = torch.where(unit.abs() > 1e-3, _by_token(read[1], axes) / unit, torch.nan).numpy()
        touched = ~np.isnan(ratio).all(1)
        rows = np.full(len(ratio), -1.0)
        rows[touched] = np.nanmedian(ratio[touched], 1) - 1
        spread = np.nanmax(np.abs(ratio[touched] - 1 - rows[touched, None])) if touched.any() else np.inf
        clean = bool(spread < 0.2 and np.abs(rows - rows.round()).max() < 0.1)
        made = RowMap(
            shape, channel, rows.round().astype(int) if clean else rows, holds, at, clean, stage.base[event][0]
        )
        if clean:
            return made
        best = best or made
    return best if best is not None else "not additive"
