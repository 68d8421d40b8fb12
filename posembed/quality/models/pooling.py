"""How a checkpoint pools, read without sentence-transformers: the mean over its tokens, or the first one."""

from __future__ import annotations

from pathlib import Path

from posembed.checkpoint.json_object import read_json_value
from posembed.checkpoint.weight_files import inside
from posembed.errors import InvalidArgumentError
from posembed.quality.models.head import Pooling
from posembed.quality.models.model_files import ModelFiles, read_object
from posembed.quality.models.prompts import read_prompts

STATES = "last_hidden_state"
# Modules whose work is done here; any other would change the vectors.
_MODULES = ("Transformer", "Pooling", "Normalize")
_POOLINGS: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "mean": "mean",
    "cls": "cls",
}


class NeedsLibraryError(InvalidArgumentError):
    """A checkpoint whose vectors sentence-transformers alone computes."""


def read_pooling(folder: Path) -> Pooling:
    """Return how a checkpoint pools; ``"mean"`` without a ``modules.json``.

    Raises:
        NeedsLibraryError: for modules or poolings that only sentence-transformers itself can run.
        InvalidArgumentError: if nothing makes a vector of a text.
    """
    if not (folder / "modules.json").is_file():
        return "mean"
    files = ModelFiles.read(folder)
    if files.output not in (None, STATES):
        raise NeedsLibraryError(f"{folder} pools {files.output!r} of its model; posembed itself supports {STATES}")
    modules = read_json_value(folder / "modules.json")
    pooling: Pooling | None = None
    for module in modules if isinstance(modules, list) else ():
        described = module if isinstance(module, dict) else {}
        name = str(described.get("type", "")).rpartition(".")[2]
        if name not in _MODULES:
            raise NeedsLibraryError(f"{folder} has the module {name}; posembed itself supports {', '.join(_MODULES)}")
        if name == "Pooling":
            place = inside(folder, str(described.get("path", "")), folder / "modules.json")
            pooling = _mode(folder, place / "config.json", prompts=bool(read_prompts(files)))
    if pooling is None:
        raise InvalidArgumentError(
            f"{folder}: its modules ({', '.join(files.module_names)}) make no vector of a text: add a Pooling to "
            "modules.json"
        )
    return pooling


def _mode(folder: Path, file: Path, *, prompts: bool) -> Pooling:
    modes = read_object(file)
    names = [mode for mode, on in modes.items() if mode.startswith("pooling_mode_") and on]
    if "pooling_mode" in modes:  # how newer versions write it
        named = modes["pooling_mode"]
        names = named if isinstance(named, list) else [named]
    pooling = _POOLINGS.get(str(names[0])) if len(names) == 1 else None
    if pooling is None:
        listed = ", ".join(map(str, names)) or "nothing"
        raise NeedsLibraryError(f"{folder} pools by {listed}; posembed itself supports mean and cls")
    if prompts and not modes.get("include_prompt", True):
        raise NeedsLibraryError(
            f"{folder} leaves its prompt out of the mean; posembed itself supports means of all tokens"
        )
    return pooling
