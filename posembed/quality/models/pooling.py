"""How a sentence-transformers checkpoint pools: the mean over its tokens, or the first one."""

from __future__ import annotations

from pathlib import Path

from posembed.checkpoint.json_object import read_json_value
from posembed.checkpoint.weight_files import inside
from posembed.errors import InvalidArgumentError
from posembed.quality.models.embedder import Pooling
from posembed.quality.models.model_files import ModelFiles, read_object

STATES = "last_hidden_state"
# Modules whose work an Embedder does; any other would change the vectors.
_MODULES = ("Transformer", "Pooling", "Normalize")
_POOLINGS: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "mean": "mean",
    "cls": "cls",
}


def read_pooling(folder: Path) -> Pooling:
    """Return how a checkpoint pools; ``"mean"`` where nothing says.

    Raises:
        InvalidArgumentError: for modules, prompts or poolings that only sentence-transformers itself can run.
    """
    if not (folder / "modules.json").is_file():
        return "mean"
    files = ModelFiles.read(folder)
    _require_no_prompt(files)
    if files.output not in (None, STATES):
        raise InvalidArgumentError(f"{folder} pools {files.output!r} of its model; supported is {STATES}")
    modules = read_json_value(folder / "modules.json")
    pooling: Pooling = "mean"
    for module in modules if isinstance(modules, list) else ():
        described = module if isinstance(module, dict) else {}
        name = str(described.get("type", "")).rpartition(".")[2]
        if name not in _MODULES:
            raise InvalidArgumentError(
                f"{folder} has the module {name}, which posembed does not run; supported are {', '.join(_MODULES)}"
            )
        if name == "Pooling":
            place = inside(folder, str(described.get("path", "")), folder / "modules.json")
            pooling = _mode(folder, place / "config.json")
    return pooling


def _require_no_prompt(files: ModelFiles) -> None:
    default = files.settings.get("default_prompt_name")
    if default is not None:
        raise InvalidArgumentError(
            f"{files.folder} puts the prompt {default!r} before every text, which posembed does not: set "
            "default_prompt_name in config_sentence_transformers.json to null to use the model without it"
        )


def _mode(folder: Path, file: Path) -> Pooling:
    modes = read_object(file)
    names = [mode for mode, on in modes.items() if mode.startswith("pooling_mode_") and on]
    if "pooling_mode" in modes:  # how newer versions write it
        named = modes["pooling_mode"]
        names = named if isinstance(named, list) else [named]
    pooling = _POOLINGS.get(str(names[0])) if len(names) == 1 else None
    if pooling is None:
        listed = ", ".join(map(str, names)) or "nothing"
        raise InvalidArgumentError(f"{folder} pools by {listed}; supported are mean and cls")
    return pooling
