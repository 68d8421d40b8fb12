"""Ask Transformers how it reads a checkpoint: its own loader, with tensors that have a shape and no memory."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import torch

from posembed.checkpoint.source import Checkpoint, CheckpointPath, open_checkpoint
from posembed.errors import InvalidArgumentError, first_line
from posembed.extension.check.processors import prepared
from posembed.extension.check.reading import CannotCheckError, Reading, Shape
from posembed.extension.library_code import no_questions

__all__ = ["load_model", "model_class", "prepared", "read_shapes"]

FILES = ("model.safetensors", "pytorch_model.bin")
"""The single weight files that ``from_pretrained`` looks for; sharded ones have an index."""
REST_BYTES = 2 * 2**30
"""A new head of a large vocabulary takes one GiB at most; more is a checkpoint with other names."""
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_shapes(folder: Path) -> Reading:
    """Return how ``from_pretrained`` reads a folder: key conversions, tied weights and computed buffers are its own.

    Raises:
        CannotCheckError: for a model that the installed version does not know, or code of the checkpoint's own.
    """
    checkpoint = open_checkpoint(folder)
    _require_found(checkpoint)
    try:
        with no_questions(checkpoint.directory):
            return _read(checkpoint)
    except InvalidArgumentError as error:
        raise CannotCheckError("the checkpoint brings code of its own, which is not run") from error


def load_model(folder: CheckpointPath) -> Any:
    """Return the model of a folder, or of an opened checkpoint, in float32, its weights in memory."""
    checkpoint = open_checkpoint(folder)
    with no_questions(checkpoint.directory):
        config = _config(checkpoint)
        maker = model_class(config)
        return maker.from_pretrained(
            checkpoint.directory, config=config, dtype=torch.float32, local_files_only=True, trust_remote_code=False
        ).eval()


def _read(checkpoint: Checkpoint) -> Reading:
    import transformers

    config = _config(checkpoint)
    maker = model_class(config)
    _require_small_rest(maker, config, checkpoint)
    # One element, seen as a tensor of any shape: the loader sees the real shape and dtype, and nothing is read.
    state = {key: torch.zeros((), dtype=_dtype(t.dtype)).expand(t.shape) for key, t in checkpoint.tensors.items()}
    model, info = maker.from_pretrained(
        None, config=config, state_dict=state, ignore_mismatched_sizes=True, output_loading_info=True
    )
    mismatched = {str(key): (tuple(stored), tuple(built)) for key, stored, built in info["mismatched_keys"]}
    return Reading(
        f"{maker.__name__} of transformers {transformers.__version__}",
        frozenset(map(str, info["missing_keys"])),
        frozenset(map(str, info["unexpected_keys"])),
        mismatched,
        _computed_buffers(model, checkpoint),
    )


def model_class(config: Any) -> Any:
    """Return the class that a configuration names, or the base class of its model type.

    Raises:
        CannotCheckError: if the installed version has neither.
    """
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    names = [str(name) for name in config.architectures or ()]
    found = MODEL_MAPPING_NAMES.get(config.model_type)
    for name in (*names, *((found,) if isinstance(found, str) else found or ())):
        maker = getattr(transformers, name, None) or _in_its_own_module(config, name)
        if isinstance(maker, type) and hasattr(maker, "from_pretrained"):
            return maker
    named = ", ".join(names) or f"model_type {config.model_type!r}"
    raise CannotCheckError(f"transformers {transformers.__version__} has no model class for {named}")


def _require_small_rest(maker: Any, config: Any, checkpoint: Checkpoint) -> None:
    """Refuse a model most of which is not in the weights: the loader would give it random values, and memory for them.

    Raises:
        CannotCheckError: if the tensors that no stored one resembles by name would take more than ``REST_BYTES``.
    """
    try:
        with torch.device("meta"):
            model: torch.nn.Module = maker(copy.deepcopy(config))
    except Exception:  # the loader itself says what is wrong, or builds it in its own way
        return
    stored = {_end(key) for key in checkpoint.tensors}
    rest = sum(tensor.nbytes for name, tensor in model.named_parameters() if _end(name) not in stored)
    if rest > REST_BYTES:
        raise CannotCheckError(
            f"{rest / 2**30:.0f} GiB of {maker.__name__} are not in the weights under its names, "
            "and loading would fill them with random values"
        )


def _end(key: str) -> str:
    return ".".join(key.split(".")[-3:])


def _in_its_own_module(config: Any, name: str) -> Any:
    """Return a class that the library itself does not export, such as the vision part of a larger model."""
    module = type(config).__module__
    if not module.startswith("transformers.models."):
        return None
    modeling = module.replace(".configuration_", ".modeling_")
    found = importlib.util.find_spec(modeling)
    return None if found is None else getattr(importlib.import_module(modeling), name, None)


def _config(checkpoint: Checkpoint) -> Any:
    import transformers

    try:
        return transformers.AutoConfig.from_pretrained(
            checkpoint.directory, trust_remote_code=False, local_files_only=True
        )
    except ValueError as error:
        if "trust_remote_code" in str(error):
            raise
        raise CannotCheckError(
            f"transformers {transformers.__version__} does not know the model: {first_line(error)}"
        ) from error


def _require_found(checkpoint: Checkpoint) -> None:
    name = checkpoint.files[0].name
    if checkpoint.index is None and name not in FILES and checkpoint.config.get("transformers_weights") != name:
        raise CannotCheckError(f"transformers looks for {' or '.join(FILES)}, but the weights lie in {name}")


def _dtype(name: str) -> torch.dtype:
    if name not in DTYPES:
        raise CannotCheckError(f"the weights have the dtype {name}")
    return DTYPES[name]


def _computed_buffers(model: torch.nn.Module, checkpoint: Checkpoint) -> dict[str, tuple[Shape, Shape]]:
    """Stored buffers that the model computes itself: they are not loaded, but tell the size it computes them for."""
    buffers = {name: tuple(buffer.shape) for name, buffer in model.named_buffers() if not _is_saved(model, name)}
    found: dict[str, tuple[Shape, Shape]] = {}
    for key, tensor in checkpoint.tensors.items():
        name = next((n for n in (key, key.partition(".")[2]) if n in buffers), None)
        if name is not None and buffers[name] != tensor.shape:
            found[key] = (tensor.shape, buffers[name])
    return found


def _is_saved(model: torch.nn.Module, name: str) -> bool:
    owner, _, last = name.rpartition(".")
    return last not in model.get_submodule(owner)._non_persistent_buffers_set
