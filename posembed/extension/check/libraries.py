"""The libraries that can load a checkpoint, and which of them reads which one. None is imported here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from posembed.checkpoint.source import Checkpoint


@dataclass(frozen=True)
class Library:
    """A library that loads checkpoints.

    Attributes:
        name: as people call it.
        package: the Python package.
        install: arguments of ``pip install``.
        reads: whether it reads a checkpoint.
    """

    name: str
    package: str
    install: str
    reads: Callable[[Checkpoint], bool]


def _is_transformers(checkpoint: Checkpoint) -> bool:
    named = "model_type" in checkpoint.config or "architectures" in checkpoint.config
    return named and checkpoint.config_file is not None and checkpoint.config_file.name == "config.json"


def _is_timm(checkpoint: Checkpoint) -> bool:
    return isinstance(checkpoint.config.get("architecture"), str)


def _is_onnx(checkpoint: Checkpoint) -> bool:
    return any(path.suffix.lower() == ".onnx" for path in checkpoint.others)


TIMM = Library("timm", "timm", "timm", _is_timm)
TRANSFORMERS = Library("transformers", "transformers", '"posembed[models]"', _is_transformers)
ONNX_RUNTIME = Library("ONNX Runtime", "onnxruntime", "onnxruntime", _is_onnx)
LIBRARIES = (TIMM, TRANSFORMERS)
"""In the order in which they are asked: a timm configuration may carry a ``model_type`` of Transformers' wrapper."""


def library_of(checkpoint: Checkpoint) -> Library | str:
    """Return the library that reads a checkpoint, or why none can be asked."""
    if ONNX_RUNTIME.reads(checkpoint):
        return _installed(ONNX_RUNTIME)
    if not checkpoint.root.is_dir():
        return "a single file has no configuration that says which model it belongs to"
    if checkpoint.config_file is None:
        return "no config.json says which model it is"
    for library in LIBRARIES:
        if library.reads(checkpoint):
            return _installed(library)
    return f"{checkpoint.config_file.name} names no model of transformers or timm"


def _installed(library: Library) -> Library | str:
    if installed(library.package):
        return library
    return f"{library.name} is not installed (pip install {library.install})"


def installed(package: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # a module of that name which is half there
        return False
