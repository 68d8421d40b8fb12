"""Length-aware positions in a model: put them in, save them with the checkpoint, load them again.

Every library can still load the checkpoint: its own table is a normal one. The length-aware tables are in
``length_aware.safetensors`` beside it, and :func:`load_length_aware` puts them in. No remote code is needed.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.errors import CheckpointError, InvalidArgumentError, first_names
from posembed.extension.length_aware_forward import keep_padding, owners, show_mask
from posembed.extension.length_aware_place import tables_file
from posembed.extension.length_aware_saving import (
    is_length_aware,
    only_length_aware,
    part_that_saves,
    plain_table,
    require_no_length_aware,
    require_place,
    save_new_wholes_with_tables,
    save_with_tables,
    write_tables,
)
from posembed.extension.length_aware_seal import check_seal
from posembed.extension.live import extend_in_place
from posembed.extension.mask_positions import MaskedRows, counts_from_mask
from posembed.extension.table_change import TableChange
from posembed.files import path_of
from posembed.generations import DamagedError
from posembed.nn.length_aware import LengthAwareEmbedding
from posembed.records.extend import ModelOptions


def put_length_aware(
    model: nn.Module, key: str, tables: Mapping[int, Tensor], *, reserved: int = 0
) -> LengthAwareEmbedding:
    """Replace a model's position embedding by one that picks a table by each input's length.

    Args:
        model: a Transformers model, or a SentenceTransformer; its ``forward`` must take ``attention_mask``.
        key: name of the position table's parameter, such as ``"embeddings.position_embeddings.weight"``.
        tables: limit → ``[reserved + limit, d_model]``.
        reserved: rows before position 0.

    Returns:
        The new module, now part of the model.

    Raises:
        InvalidArgumentError: if there is no plain embedding of that name, or the tables do not fit.

    Example:
        >>> import torch
        >>> class Model(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.wpe = nn.Embedding(2, 1)
        ...     def forward(self, positions, attention_mask):
        ...         return self.wpe(positions)
        >>> model = Model()
        >>> module = put_length_aware(model, "wpe.weight", {2: torch.zeros(2, 1), 3: torch.ones(3, 1)})
        >>> positions = torch.arange(3)[None]
        >>> model(positions, attention_mask=torch.tensor([[1, 1, 0]])).flatten().tolist()[:2]
        [0.0, 0.0]
        >>> model(positions, attention_mask=torch.ones(1, 3)).flatten().tolist()
        [1.0, 1.0, 1.0]
    """
    path, old = replaceable(model, key)
    around = owners(model, path)
    limits = sorted(tables)
    first = old.weight
    made = MaskedRows if counts_from_mask(old) else LengthAwareEmbedding
    module = made(
        [tables[limit].to(device=first.device, dtype=first.dtype) for limit in limits],
        limits,
        reserved=reserved,
        padding_idx=old.padding_idx,
    )
    module.weight.requires_grad_(first.requires_grad)
    parent, _, name = path.rpartition(".")
    keep_padding(model, path)
    setattr(model.get_submodule(parent) if parent else model, name, module)
    if isinstance(old, nn.Embedding):
        for owner, inner in around:
            show_mask(owner, inner)
        save_with_tables(model, path)
        save_new_wholes_with_tables()
    return module


def replaceable(model: nn.Module, key: str) -> tuple[str, nn.Embedding | LengthAwareEmbedding]:
    """Return the embedding that a parameter belongs to, and its path.

    Raises:
        InvalidArgumentError: if it is not an embedding that length-aware positions can replace.
    """
    path, _, last = key.rpartition(".")
    try:
        old = model.get_submodule(path)
    except AttributeError:
        old = None
    if last != "weight" or not isinstance(old, nn.Embedding | LengthAwareEmbedding) or not path:
        raise InvalidArgumentError(
            f"key={key!r} is not an nn.Embedding of {type(model).__name__}: length-aware positions replace one"
        )
    if type(old) not in (nn.Embedding, LengthAwareEmbedding) and not counts_from_mask(old):
        raise InvalidArgumentError(
            f"{key} belongs to a {type(old).__name__}, which computes row numbers itself: only a plain "
            "nn.Embedding and OPT's own class can be replaced"
        )
    return path, old


def make_length_aware(model: nn.Module, options: ModelOptions) -> list[TableChange]:
    """Extend a model's one sequence table, and keep the old rows for inputs that fit them.

    Args:
        model: a Transformers model, or a SentenceTransformer.
        options: ``length`` may be several numbers, rising: one table for each.

    Raises:
        InvalidArgumentError: for a model with several position tables, or one whose module cannot be replaced.
    """
    if options.length is None:
        raise InvalidArgumentError("length_aware=True is for sequences: give `length`, not `grid` or `image_size`")
    rising = [options.length] if isinstance(options.length, int) else list(options.length)
    if not rising or rising != sorted(set(rising)):
        raise InvalidArgumentError(f"length={rising} must be one number or an increasing sequence")
    by_limit: dict[int, Tensor] = {}
    changes: list[TableChange] = []
    for number, length in enumerate(rising):
        trial = copy.deepcopy(model)
        changes = extend_in_place(trial, options=_of_one(options, length))
        if len(changes) != 1:
            keys = ", ".join(change.table.key for change in changes)
            raise InvalidArgumentError(
                f"length_aware=True is for one table, the model has {keys}: name one with `tables`"
            )
        change = changes[0]
        if number == 0:
            by_limit[change.table.layout.usable_length] = model.get_parameter(change.table.key).detach().clone()
            owners(model, replaceable(model, change.table.key)[0])
        by_limit[length] = trial.get_parameter(change.table.key).detach()
    key, reserved = changes[0].table.key, changes[0].table.layout.reserved
    extend_in_place(model, options=_of_one(options, rising[-1]))  # buffers and configuration follow the longest
    put_length_aware(model, key, by_limit, reserved=reserved)
    return changes


def _of_one(options: ModelOptions, length: int) -> ModelOptions:
    return replace(options, length=length, length_aware=False)


def save_length_aware(model: nn.Module, directory: str | os.PathLike[str], *, whole: bool = False) -> Path:
    """Write a model's length-aware tables beside its checkpoint, or the whole model with them.

    ``save_pretrained`` and the like raise an error for such a model: they would write all tables as one.

    Args:
        model: with one length-aware position embedding.
        directory: of the checkpoint. Without ``whole`` it exists already (plain loading reads its own table).
        whole: also write the model, with its own ``save_pretrained``; plain loading then reads the longest table. Like
            that method, it writes no tokenizer, unless the model is a SentenceTransformer.

    Returns:
        The file of tables.

    Raises:
        InvalidArgumentError: if the model has none, or several, or ``whole`` is set and it has no ``save_pretrained``;
            without ``whole``, if the table of the checkpoint there is not as long as the longest table.
    """
    name, module = only_length_aware(model)
    folder = path_of("directory", directory)
    require_place(folder, f"{name}.weight", module, whole=whole)
    if not whole:
        return write_tables(folder, f"{name}.weight", module)
    save: Any = getattr(model, "save_pretrained", None)
    if not callable(save):
        raise InvalidArgumentError(
            f"whole=True needs a model with save_pretrained, which {type(model).__name__} does not have"
            + part_that_saves(model, name)
        )
    if type(model).__module__.startswith("sentence_transformers."):  # lets the part save itself, with its tables
        save(str(directory))
        return max(folder.rglob(TABLES_BY_LENGTH), key=lambda path: path.stat().st_mtime_ns)
    with plain_table(model):
        save(str(directory))
    return write_tables(folder, f"{name}.weight", module)


def load_stored_tables(model: nn.Module, folder: Path) -> bool:
    """Put a checkpoint's length-aware tables into a model, if the checkpoint has some and the model has none yet.

    Args:
        model: what was loaded from the checkpoint.
        folder: the checkpoint.

    Returns:
        Whether the model has length-aware tables now.
    """
    if is_length_aware(model):
        return True
    if tables_file(folder) is None:
        return False
    load_length_aware(model, folder)
    return True


def load_length_aware(model: nn.Module, directory: str | os.PathLike[str]) -> nn.Module:
    """Put a checkpoint's length-aware tables into the model that was loaded from it.

    Args:
        model: from ``AutoModel.from_pretrained(directory)`` or ``SentenceTransformer(directory)``.
        directory: the checkpoint.

    Returns:
        The same model.

    Raises:
        CheckpointError: if the file of tables is missing or damaged.
        InvalidArgumentError: if it does not fit the model.
    """
    path = tables_file(path_of("directory", directory))
    if path is None:
        raise CheckpointError(
            f"{directory} has no {TABLES_BY_LENGTH}: it is not a checkpoint with length-aware positions"
        )
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            stored = {limit: file.get_tensor(limit) for limit in file.keys()}  # noqa: SIM118 - not a dictionary
        check_seal(about, stored)
        tables = {int(limit): table for limit, table in stored.items()}
        key, reserved = about["key"], int(about["reserved"])
    except (SafetensorError, DamagedError, ValueError, KeyError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or of another version: {error}") from None
    places = [name for name in dict(model.named_parameters()) if name == key or name.endswith(f".{key}")]
    short = [name for name in dict(model.named_parameters()) if key.endswith(f".{name}")]
    names = places or short
    if len(names) != 1:
        raise InvalidArgumentError(
            f"{len(names)} parameters of {type(model).__name__} match {key}; expected exactly one"
            + (f" ({first_names(names, 2)}): give the part that was loaded from {directory}" if names else "")
        )
    require_no_length_aware(model, names)
    old = model.get_parameter(names[0])
    rows, width = reserved + max(tables), next(iter(tables.values())).shape[-1]
    if (rows, width) != tuple(old.shape):
        raise InvalidArgumentError(
            f"{path} is for a table of {rows} x {width}, {names[0]} of {type(model).__name__} is {old.shape[0]} x "
            f"{old.shape[1]}: load the model from the same directory"
        )
    put_length_aware(model, names[0], tables, reserved=reserved)
    return model
