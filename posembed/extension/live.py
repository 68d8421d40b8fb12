"""Extend the position tables of a live model in place: weight, sizes, buffers, configuration, optimizer state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from posembed.checkpoint.formats.pickle import DTYPE_NAMES, from_numpy, to_numpy
from posembed.checkpoint.tensors import FLOATS, Array, StoredTensor
from posembed.errors import InvalidArgumentError
from posembed.extension.buffers import find_companions, lengthen
from posembed.extension.config_fields import config_changes
from posembed.extension.live_sizes import set_config, set_sizes
from posembed.extension.plan import TableChange, settle
from posembed.extension.targets import choose_targets
from posembed.find.families.weights import SAMPLE_ROWS
from posembed.find.found import FoundTable
from posembed.find.kinds import TableKind
from posembed.find.override import override_one
from posembed.find.search import find_in
from posembed.records.override import Override
from posembed.tables.extend import exact_rows, extend_table


def extend_model(
    model: nn.Module,
    length: int | Sequence[int] | None = None,
    *,
    grid: tuple[int, int] | None = None,
    image_size: int | tuple[int, int] | None = None,
    method: str = "linear",
    tables: Iterable[str] | None = None,
    override: Override | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    length_aware: bool = False,
    **options: Any,
) -> list[TableChange]:
    """Give a model in memory longer position tables, in place.

    The parameters stay the same objects (an optimizer's references hold), on their device, in their dtype, trainable
    or frozen as they were. ``num_embeddings`` and the like, buffers of the table's length and the fields of
    ``model.config`` follow. Nothing is changed unless everything can be.

    Args:
        model: a Transformers model, or any module with a learned position table.
        length: usable positions of every sequence table; with ``length_aware`` also several, rising.
        grid: ``(height, width)`` in patches, for image tables.
        image_size: the same in pixels.
        method: a method of :func:`posembed.extend_table`; for grids ``"auto"`` is what the family itself does.
        tables: names of parameters, to limit the change to some tables.
        override: what the caller says of one table in place of what would be found out.
        optimizer: its state for these parameters grows with them: moments of rows that stay exact are kept, new rows
            start at zero. Without it, make the optimizer after this call.
        length_aware: keep the old table for inputs that fit it, bit for bit, and let longer ones read the extended one:
            :class:`posembed.nn.length_aware.LengthAwareEmbedding` takes the place of the one position embedding.
        **options: of the method.

    Returns:
        What changed, one entry a table.

    Raises:
        InvalidArgumentError: if the call cannot be right, or no table would change.
        CheckpointError: for a table or buffer whose values cannot be extended.

    Example:
        >>> from posembed import TokenPositionEmbedding
        >>> model = TokenPositionEmbedding(100, 8, 4)
        >>> [(c.table.key, c.layout.length) for c in extend_model(model, 16)]
        [('position.weight', 16)]
        >>> model(torch.zeros(1, 16, dtype=torch.int64)).shape
        torch.Size([1, 16, 4])
    """
    if length_aware:
        from posembed.extension.length_aware import make_length_aware

        if grid is not None or image_size is not None or length is None:
            raise InvalidArgumentError("length_aware=True is for sequences: give length, not grid or image_size")
        return make_length_aware(
            model, length, method=method, tables=tables, override=override, optimizer=optimizer, **options
        )
    if isinstance(length, Sequence):
        raise InvalidArgumentError(f"length={list(length)}: several lengths need length_aware=True")
    config = _config_of(model)
    tensors = {name: _stored(name, tensor) for name, tensor in _tensors(model)}
    by_name = dict(_tensors(model))
    native = dict(_own_tables(model, tensors))
    others = {name: tensor for name, tensor in tensors.items() if name not in native}
    found = [*native.values(), *find_in(others, config, lambda name: _some_rows(by_name[name]))]
    found = [table for table in found if table.refused is not None or isinstance(by_name[table.key], nn.Parameter)]
    if override is not None:
        said = override_one(tensors, override, found)
        found = [said, *(table for table in found if table.key != said.key)]
    where = f"model {type(model).__name__}"
    if method == "linear" and length is None:
        method = "auto"  # linear is the default of sequences; a grid has its own
    targets, _ = choose_targets(where, found, length, grid, image_size, tables, method)
    changes = [settle(target, method, options) for target in targets]
    for change in changes:
        if change.table.uncertain:
            raise InvalidArgumentError(
                f"{where}: what the rows of {change.table.key} mean is uncertain "
                f"({'; '.join(change.table.evidence)}): say it with override=Override(key, reserved=…, …)"
            )
    new = {c.table.key: _extended(by_name[c.table.key], c) for c in changes}
    layouts = {change.table.key: change.layout for change in changes}
    for companion in find_companions(tensors, found, layouts):
        new[companion.key] = lengthen(companion, to_numpy(by_name[companion.key]), where)
    fields = {f.path: f for c in changes for f in config_changes(Path("config"), config, c.table, c.layout)}
    set_config(model, list(fields.values()))
    try:
        _put_all(model, new)
    except RuntimeError as error:
        set_config(model, [replace(f, before=f.after, after=f.before) for f in fields.values()])
        raise InvalidArgumentError(
            f"{where}: {error}. Something else holds a table, so it cannot grow in place: drop old outputs, weak "
            "references and compiled copies of the model first"
        ) from error
    for change in changes:
        if optimizer is not None:
            _grow_state(optimizer, by_name[change.table.key], change)
        set_sizes(model, change, config)
    return changes


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _stored(name: str, tensor: Tensor) -> StoredTensor:
    return StoredTensor(name, tuple(tensor.shape), DTYPE_NAMES.get(str(tensor.dtype), str(tensor.dtype)), Path("model"))


def _config_of(model: nn.Module) -> dict[str, Any]:
    config = getattr(model, "config", None)
    describe = getattr(config, "to_dict", None)
    described = describe() if callable(describe) else {}
    return described if isinstance(described, dict) else {}


def _own_tables(model: nn.Module, tensors: dict[str, StoredTensor]) -> Iterator[tuple[str, FoundTable]]:
    """Modules that say themselves what their rows mean: those of :mod:`posembed.nn`."""
    from posembed.nn.learned import LearnedPositionalEmbedding

    for name, module in model.named_modules():
        if isinstance(module, LearnedPositionalEmbedding):
            key = f"{name}.weight" if name else "weight"
            tensor = tensors.get(key)
            if tensor is not None:
                said = ("the module says its layout",)
                layout, kind = module.layout, TableKind.SEQUENCE
                yield (
                    key,
                    FoundTable(key, tensor.shape, tensor.dtype, tensor.file, "posembed", layout, said, kind=kind),
                )


def _some_rows(tensor: Tensor) -> Array | None:
    if tensor.is_meta or tensor.dim() not in (2, 3) or str(tensor.dtype) not in DTYPE_NAMES:
        return None
    if DTYPE_NAMES[str(tensor.dtype)] not in FLOATS:
        return None
    return to_numpy(tensor.detach().reshape(-1, tensor.shape[-1])[:SAMPLE_ROWS])


def _extended(tensor: Tensor, change: TableChange) -> Array:
    if tensor.is_meta:
        raise InvalidArgumentError(
            f"{change.table.key} is on the meta device and has no values: load the weights first"
        )
    stored, layout = change.table.stored, change.layout
    size: dict[str, Any] = {"grid": layout.grid} if layout.grid is not None else {"length": layout.usable_length}
    old = stored.split(to_numpy(tensor))
    try:
        new = [
            extend_table(rows, method=change.method, layout=change.table.layout, **size, **change.options)
            for rows in old
        ]
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{change.table.key}: {error}") from error
    return stored.join(new, change.shape)


def _put_all(model: nn.Module, new: dict[str, Array]) -> None:
    """Put all new values in place, or none."""
    undo: list[Callable[[], None]] = []
    try:
        for name, values in new.items():
            undo.append(_put(model, name, values))
    except RuntimeError:
        for step in reversed(undo):
            step()
        raise


def _put(model: nn.Module, name: str, values: Array) -> Callable[[], None]:
    """Put new values in place; returns what takes them back."""
    path, _, last = name.rpartition(".")
    module = model.get_submodule(path)
    old = getattr(module, last)
    new = from_numpy(np.array(values)).to(device=old.device, dtype=old.dtype)
    if not isinstance(old, nn.Parameter):
        module._buffers[last] = new
        return partial(module._buffers.__setitem__, last, old)
    # Swapping the insides keeps the object that tied modules and optimizers hold; setting .data would leave
    # autograd with the old shape wherever an output of the model is still alive.
    other = nn.Parameter(new, requires_grad=old.requires_grad)
    torch.utils.swap_tensors(old, other)  # type: ignore[no-untyped-call]
    return partial(torch.utils.swap_tensors, old, other)


def _grow_state(optimizer: torch.optim.Optimizer, parameter: Tensor, change: TableChange) -> None:
    """Moments of the rows that stay exact move with them; other rows start as a fresh optimizer's would."""
    state = optimizer.state.get(parameter, {})
    if any(isinstance(v, Tensor) and v.numel() > 1 and tuple(v.shape) != change.table.shape for v in state.values()):
        state.clear()  # factored or packed moments (Adafactor's, for one) are not rows: they start anew
    grid, layout = change.layout.grid, change.layout
    length = None if grid is not None else layout.usable_length
    pairs = exact_rows(change.method, change.table.layout, length, grid=grid, **change.options)
    for name, value in state.items():
        if isinstance(value, Tensor) and tuple(value.shape) == change.table.shape:
            grown = []
            for before in change.table.stored.split(to_numpy(value)):
                after = np.zeros((layout.rows, before.shape[1]), before.dtype)
                after[pairs[:, 1]] = before[pairs[:, 0]]
                grown.append(after)
            state[name] = from_numpy(change.table.stored.join(grown, change.shape)).to(value.device)
