"""The file of tables by length of an extension that is written to disk, without its model."""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import save

from posembed.checkpoint.formats.pickle import from_numpy
from posembed.checkpoint.tensors import Array
from posembed.errors import InvalidArgumentError, MissingExtraError, first_line
from posembed.extension.length_aware import FORMAT, replaceable
from posembed.extension.plan import ExtensionPlan
from posembed.extension.write import new_rows


def tables_by_length(plan: ExtensionPlan, *, short: int | None = None, longer: Array | None = None) -> bytes:
    """The content of ``length_aware.safetensors``: the old table for short inputs, the new one for longer ones.

    Args:
        plan: of one plain sequence table that grows.
        short: positions of the longest input that reads the old rows; all that there are if left out.
        longer: rows for longer inputs, where they are not the plan's own.

    Raises:
        InvalidArgumentError: for other plans, or a model whose position embedding cannot be replaced.
        MissingExtraError: if `transformers` is not installed, which knows the model's class.
    """
    checkpoint = plan.checkpoint
    if len(plan.tables) != 1 or not checkpoint.root.is_dir():
        keys = ", ".join(change.table.key for change in plan.tables)
        raise InvalidArgumentError(f"length-aware positions are for a directory with one table, the plan has {keys}")
    change = plan.tables[0]
    old, layout = change.table.layout, change.layout
    plain = change.table.is_plain_sequence and not (old.prefix or old.suffix or change.table.look_ahead)
    if not plain or layout.usable_length <= old.usable_length:
        raise InvalidArgumentError(f"{change.table.key} is no plain sequence table that grows")
    name = _require_replaceable(plan, change.table.key)
    limit = old.usable_length if short is None else short
    tables = {
        str(limit): from_numpy(checkpoint.read(change.table.key)[: old.reserved + limit]),
        str(layout.usable_length): from_numpy(new_rows(checkpoint, change) if longer is None else longer),
    }
    return save(tables, metadata={"format": FORMAT, "key": name, "reserved": str(old.reserved)})


def _require_replaceable(plan: ExtensionPlan, key: str) -> str:
    """The parameter's name in the model that Transformers makes of the configuration."""
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("transformers", "models", "length-aware positions") from None
    folder = plan.checkpoint.directory
    try:
        config = transformers.AutoConfig.from_pretrained(folder)
        maker: Any = transformers.AutoModel
        with torch.device("meta"):
            model: torch.nn.Module = maker.from_config(config)
    except Exception as error:  # the libraries raise whatever a configuration leads to
        raise InvalidArgumentError(
            f"{folder} is no model that Transformers makes ({first_line(error)}): length-aware positions need one"
        ) from None
    names = [name for name, _ in model.named_parameters() if key == name or key.endswith(f".{name}")]
    if len(names) != 1:
        raise InvalidArgumentError(f"{type(model).__name__} has {len(names)} parameters that {key} could be, not one")
    replaceable(model, names[0])
    return names[0]
