"""Extend the position tables of a model in memory: weights, sizes, buffers, configuration, optimizer state."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from posembed.checkpoint.formats.pickle.torch_arrays import DTYPE_NAMES, from_numpy, to_numpy
from posembed.checkpoint.tensors import FLOATS, Array, StoredTensor
from posembed.errors import InvalidArgumentError
from posembed.extension.buffers import find_buffers
from posembed.extension.config_fields import config_changes
from posembed.extension.live_sizes import set_config, set_sizes
from posembed.extension.method_keywords import refuse_unknown_keywords
from posembed.extension.obstacles import together
from posembed.extension.plan import settle
from posembed.extension.table_change import TableChange
from posembed.extension.targets import choose_targets
from posembed.find.config import nodes
from posembed.find.families.weights import SAMPLE_ROWS
from posembed.find.found import FoundTable
from posembed.find.kinds import TableKind
from posembed.find.override import override_one
from posembed.find.search import find_in
from posembed.records.base import takes
from posembed.records.extend import ModelOptions, with_length
from posembed.records.override import Override


@takes(ModelOptions)
def extend_in_place(
    model: nn.Module,
    length: int | None = None,
    options: ModelOptions | None = None,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    **keywords: Any,
) -> list[TableChange]:
    """Extend the position tables of a model in memory; nothing is changed unless everything can be.

    Args:
        model: a Transformers model, or any module with a learned position table.
        length: usable positions of every sequence table.
        options: all options as one record, in place of keywords.
        optimizer: its state for the tables grows with them.
        **keywords: the fields of :class:`posembed.records.extend.ModelOptions`.

    Raises:
        InvalidArgumentError: if no table would change, or one cannot.
        CheckpointError: for a table or buffer whose values cannot be extended.
    """
    settled = ModelOptions.of(options, with_length(length, keywords))
    refuse_unknown_keywords(settled)
    if settled.method == "linear" and settled.length is None:
        settled = replace(settled, method="auto")  # linear is the default of sequences; a grid has its own
    config = _config_of(model)
    by_name = dict(_tensors(model))
    tensors = {name: _stored(name, tensor) for name, tensor in by_name.items()}
    found = _find_in_model(model, config, by_name, tensors, settled.described)
    where = f"model {type(model).__name__}"
    targets, _ = choose_targets(where, found, settled, [node.model_type for node in nodes(config)])
    changes = [settle(target, settled) for target in targets]
    layouts = {change.table.key: change.layout for change in changes}
    buffers = find_buffers(tensors, found, layouts)
    _refuse_the_unequal(where, changes, found, {buffer.key for buffer in buffers})
    for change in changes:
        if change.table.uncertain:
            raise InvalidArgumentError(
                f"{where}: what the rows of {change.table.key} mean is uncertain "
                f"({'; '.join(change.table.evidence)}): describe them with override=Override(key, reserved=…, …)"
            )
    new = {c.table.key: _extended(by_name[c.table.key], c) for c in changes}
    for buffer in buffers:
        new[buffer.key] = buffer.extend(to_numpy(by_name[buffer.key]), where)
    fields = {f.path: f for c in changes for f in config_changes(Path("config"), config, c.table, c.layout, c.pixels)}
    set_config(model, list(fields.values()))
    try:
        _put_all(model, new)
    except RuntimeError as error:
        set_config(model, [replace(f, before=f.after, after=f.before) for f in fields.values()])
        raise InvalidArgumentError(
            f"{where}: {error}. Something else holds a table, so it cannot grow in place: delete old outputs, weak "
            "references and compiled copies of the model first"
        ) from error
    for change in changes:
        if optimizer is not None:
            _grow_state(optimizer, by_name[change.table.key], change)
        set_sizes(model, change, config)
    return changes


def learned_tables(model: nn.Module) -> list[FoundTable]:
    """Return the learned position tables of a model in memory; each key is the name of a parameter.

    Args:
        model: a Transformers model, or any module with a learned position table.

    Example:
        >>> from posembed import TokenPositionEmbedding
        >>> [(table.key, table.layout.length) for table in learned_tables(TokenPositionEmbedding(100, 8, 4))]
        [('position.weight', 8)]
    """
    by_name = dict(_tensors(model))
    tensors = {name: _stored(name, tensor) for name, tensor in by_name.items()}
    found = _find_in_model(model, _config_of(model), by_name, tensors, None)
    return [table for table in found if table.refused is None and table.unused is None]


def _refuse_the_unequal(
    where: str, changes: Sequence[TableChange], found: Sequence[FoundTable], following: Container[str]
) -> None:
    """Refuse tables beside which another one of the same size would stay that cannot be extended at all."""
    stuck = [t for t in found if t.refused is not None and t.frozen is None and t.key not in following]
    for change in changes:
        for reason in together(change, changes, stuck):
            raise InvalidArgumentError(f"{where}: {reason}")


def _find_in_model(
    model: nn.Module,
    config: Mapping[str, Any],
    by_name: Mapping[str, Tensor],
    tensors: dict[str, StoredTensor],
    described: Override | None,
) -> list[FoundTable]:
    """Return the tables and look-alikes of a model: those of posembed's own modules, then by names and values."""
    native = dict(_own_tables(model, tensors))
    others = {name: tensor for name, tensor in tensors.items() if name not in native}
    # A sinusoid in a buffer is its module's own: it is computed again when it is needed.
    found = [*native.values(), *find_in(others, config, lambda name: _some_rows(by_name[name]))]
    found = [
        table if isinstance(by_name[table.key], nn.Parameter) else replace(table, frozen=None, fields=())
        for table in found
        if table.refused is not None or isinstance(by_name[table.key], nn.Parameter)
    ]
    if described is not None:
        said = override_one(tensors, described, found)
        found = [said, *(table for table in found if table.key != said.key)]
    return found


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _stored(name: str, tensor: Tensor) -> StoredTensor:
    return StoredTensor(name, tuple(tensor.shape), DTYPE_NAMES.get(str(tensor.dtype), str(tensor.dtype)), Path("model"))


def _config_of(model: nn.Module) -> Mapping[str, Any]:
    config = getattr(model, "config", None)
    describe = getattr(config, "to_dict", None)
    described = describe() if callable(describe) else {}
    return described if isinstance(described, dict) else {}


def _own_tables(model: nn.Module, tensors: dict[str, StoredTensor]) -> Iterator[tuple[str, FoundTable]]:
    """Yield the tables of :mod:`posembed.nn`, whose modules know their layout."""
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
    if tensor.is_meta or isinstance(tensor, DTensor):  # without values, or with a share of them: its name must do
        return None
    if tensor.dim() not in (2, 3) or str(tensor.dtype) not in DTYPE_NAMES:
        return None
    if DTYPE_NAMES[str(tensor.dtype)] not in FLOATS:
        return None
    return to_numpy(tensor.detach().reshape(-1, tensor.shape[-1])[:SAMPLE_ROWS])


def _extended(tensor: Tensor, change: TableChange) -> Array:
    if tensor.is_meta:
        raise InvalidArgumentError(
            f"{change.table.key} is on the meta device and has no values: load the weights first"
        )
    return change.apply(to_numpy(tensor))


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
    """Put new values in place; return the function that undoes it."""
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
    """Move the moments of unchanged rows with them; other rows start as those of a fresh optimizer."""
    state = optimizer.state.get(parameter, {})
    if any(isinstance(v, Tensor) and v.numel() > 1 and tuple(v.shape) != change.table.shape for v in state.values()):
        state.clear()  # factored or packed moments (Adafactor's, for one) are not rows: they start from zero
    pairs, layout = change.kept_rows(), change.layout
    for name, value in state.items():
        if isinstance(value, Tensor) and tuple(value.shape) == change.table.shape:
            grown = []
            for before in change.table.stored.split(to_numpy(value)):
                after = np.zeros((layout.rows, before.shape[1]), before.dtype)
                after[pairs[:, 1]] = before[pairs[:, 0]]
                grown.append(after)
            state[name] = from_numpy(change.table.stored.join(grown, change.shape)).to(value.device)
