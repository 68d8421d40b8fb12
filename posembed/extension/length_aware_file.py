"""Make the file of length-aware tables for an extension on disk, without loading the model."""

from __future__ import annotations

from typing import Any

import torch

from posembed.checkpoint.formats.pickle.torch_arrays import from_numpy
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError, InvalidArgumentError, first_line, os_reason, require_package
from posembed.extension.check.transformers_models import model_class
from posembed.extension.length_aware import replaceable
from posembed.extension.length_aware_seal import sealed_content
from posembed.extension.library_code import no_questions
from posembed.extension.plan import ExtensionPlan
from posembed.extension.write import new_rows


def length_aware_file(
    plan: ExtensionPlan, *, short: int | None = None, longer: Array | None = None, trust_remote_code: bool = False
) -> bytes:
    """Return the content of ``length_aware.safetensors``: the old table for short inputs, the new one for longer ones.

    Args:
        plan: of one plain sequence table that grows.
        short: longest input that reads the old rows, in positions; by default as many as there are.
        longer: rows for longer inputs, if they are not the plan's own.
        trust_remote_code: run Python code of the checkpoint's own.

    Raises:
        InvalidArgumentError: for other plans, a model whose position embedding cannot be replaced, or one that needs
            code of its own.
        MissingExtraError: if `transformers`, which knows the model's class, is not installed.
    """
    checkpoint = plan.checkpoint
    if len(plan.tables) != 1 or not checkpoint.root.is_dir():
        keys = ", ".join(change.table.key for change in plan.tables)
        raise InvalidArgumentError(f"length-aware positions are for a directory with one table, the plan has {keys}")
    change = plan.tables[0]
    if change.table.frozen is not None:
        raise InvalidArgumentError(
            f"{change.table.key} is a fixed sinusoid: at any length, short inputs read the same rows, so length-aware "
            "positions have nothing to add"
        )
    old, layout = change.table.layout, change.layout
    plain = change.table.is_plain_sequence and not (old.prefix or old.suffix or change.table.look_ahead)
    if not plain or layout.usable_length <= old.usable_length:
        raise InvalidArgumentError(f"{change.table.key} is not a plain sequence table that grows")
    name = _require_replaceable(plan, change.table.key, trust_remote_code)
    limit = old.usable_length if short is None else short
    tables = {
        str(limit): from_numpy(checkpoint.read(change.table.key)[: old.reserved + limit]),
        str(layout.usable_length): from_numpy(new_rows(checkpoint, change) if longer is None else longer),
    }
    return sealed_content(name, old.reserved, tables)


def _require_replaceable(plan: ExtensionPlan, key: str, trust_remote_code: bool) -> str:
    """Return the parameter's name in the model that Transformers builds from the configuration."""
    require_package("transformers", "models", "length-aware positions")
    import transformers

    folder = plan.checkpoint.directory
    try:
        with no_questions(folder):
            config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
            maker: Any = transformers.AutoModel
            with torch.device("meta"):
                model: torch.nn.Module = (
                    maker.from_config(config, trust_remote_code=trust_remote_code)
                    if type(config) in transformers.MODEL_MAPPING or hasattr(config, "auto_map")
                    else model_class(config)(config)  # pairs of models, such as an EncoderDecoderModel
                )
    except InvalidArgumentError:
        raise
    except Exception as error:  # the libraries raise whatever a configuration leads to
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not the library's own
            raise CheckpointError(f"{folder} cannot be read: {os_reason(error)}") from None
        raise InvalidArgumentError(
            f"{folder} is not a model that Transformers can build ({first_line(error)}), which length-aware "
            "positions need"
        ) from None
    names = [name for name, _ in model.named_parameters() if key == name or key.endswith(f".{name}")]
    if len(names) != 1:
        raise InvalidArgumentError(
            f"{len(names)} parameters of {type(model).__name__} match {key}; expected exactly one"
        )
    replaceable(model, names[0])
    return names[0]
