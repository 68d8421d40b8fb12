"""Update what a model in memory stores about a table's size: module attributes and configuration objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from posembed.errors import InvalidArgumentError
from posembed.extension.config_fields import new_value
from posembed.extension.field_change import FieldChange
from posembed.extension.table_change import TableChange
from posembed.find import families
from posembed.find.config import pair


def set_sizes(model: nn.Module, change: TableChange, config: Mapping[str, Any]) -> None:
    """Update what modules near the table store about its size; only attributes that hold the old value change."""
    old, new = change.table.layout, change.layout
    own = change.table.key.rpartition(".")[0]
    parent = own.rpartition(".")[0]
    parts = _parts_of_one_size(change)
    for name, module in model.named_modules():
        encloses = not name or own.startswith(f"{name}.")
        near = encloses or name in (own, parent) or name.startswith(f"{parent}." if parent else "")
        if not near and name.rpartition(".")[2] not in parts:
            continue
        table_module = name == own
        _swap(module, families.ROW_ATTRIBUTES, old.rows, new.rows)
        if old.length is not None and new.length is not None:
            _swap(
                module,
                ("max_len", "max_position_embeddings") if not table_module else ("max_len",),
                old.length,
                new.length,
            )
        if old.grid is None or new.grid is None:
            continue
        _swap(module, families.PATCH_ATTRIBUTES, old.positions, new.positions)
        _swap_pair(module, families.SIDE_ATTRIBUTES, old.grid, new.grid)
        pixels = next((rule for rule in change.table.fields if rule.unit == "pixels"), None)
        if pixels is not None:
            before = _look(config, pixels.name)
            image, after = pair(before), pair(new_value(pixels, before, change.table, new, change.pixels))
            if image is not None and after is not None:
                _swap_pair(module, families.PIXEL_ATTRIBUTES, image, after)


def set_token_limits(model: nn.Module, changes: Sequence[TableChange]) -> None:
    """Update the limit of the tokenizers that a model carries, as one of sentence-transformers does.

    They would cut texts at the old length without a word. Only a limit that equals the old length changes.
    """
    for change in changes:
        old, new = change.table.layout.length, change.layout.length
        for name, module in model.named_modules():
            if name and not change.table.key.startswith(f"{name}."):
                continue
            tokenizer: Any = getattr(module, "tokenizer", None)
            if old is not None and new is not None and getattr(tokenizer, "model_max_length", None) == old:
                tokenizer.model_max_length = new


def _parts_of_one_size(change: TableChange) -> set[str]:
    """Return the names of modules, as their configurations are called, that must have the size of the table's image."""
    names = {rule.name for rule in change.table.fields}
    fields = [
        field
        for law in families.SHARED_SIZES
        if any(name.endswith(field) for name in names for field in law.fields)
        for field in law.fields
    ]
    return {field.split(".")[-2].removesuffix("_config") for field in fields if "." in field}


def _swap(module: nn.Module, names: tuple[str, ...], old: int, new: int) -> None:
    for name in names:
        value = vars(module).get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value == old:
            setattr(module, name, new)


def _swap_pair(module: nn.Module, names: tuple[str, ...], old: tuple[int, int], new: tuple[int, int]) -> None:
    for name in names:
        value = vars(module).get(name)
        if isinstance(value, int) and not isinstance(value, bool) and old == (value, value):
            setattr(module, name, new[0] if new[0] == new[1] else new)
        elif isinstance(value, tuple | list) and pair(list(value)) == old and len(value) == 2:
            setattr(module, name, new if isinstance(value, tuple) else list(new))


def _look(config: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        config = config.get(name) if isinstance(config, dict) else getattr(config, name, None)
    return config


def set_config(model: nn.Module, changes: list[FieldChange]) -> None:
    """Set fields of ``model.config`` and its sub-configurations: all of them, or none.

    Raises:
        InvalidArgumentError: for a value that the configuration does not take.
    """
    done: list[FieldChange] = []
    for change in changes:
        try:
            _set_field(model.config, change, change.after)
        except (TypeError, ValueError) as error:
            for undo in (*done, change):
                _set_field(model.config, undo, undo.before)
            raise InvalidArgumentError(f"config.{change.name} does not take {change.after!r}: {error}") from error
        done.append(change)


def _set_field(config: Any, change: FieldChange, value: Any) -> None:
    for name in change.path[:-1]:
        config = config[name] if isinstance(config, dict) else getattr(config, str(name))
    last = str(change.path[-1])
    if isinstance(config, dict):
        config[last] = value
    else:
        setattr(config, last, value)
