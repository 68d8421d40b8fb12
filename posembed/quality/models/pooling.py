"""How a sentence-transformers checkpoint pools: the mean over its tokens, or the first one."""

from __future__ import annotations

from pathlib import Path

from posembed.errors import InvalidArgumentError
from posembed.quality.models.embedder import Pooling
from posembed.quality.models.model_files import ModelFiles, read_json

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
    _require_no_prompt(folder)
    _require_states(ModelFiles.read(folder))
    modules = read_json(folder / "modules.json")
    pooling: Pooling = "mean"
    for module in modules if isinstance(modules, list) else []:
        name = str(module.get("type", "")).rpartition(".")[2]
        if name not in _MODULES:
            raise InvalidArgumentError(
                f"{folder} has the module {name}, which posembed does not run; supported are {', '.join(_MODULES)}"
            )
        if name == "Pooling":
            pooling = _mode(folder, folder / str(module["path"]) / "config.json")
    return pooling


def _require_states(files: ModelFiles) -> None:
    """Refuse a model that pools something else than the states of its last layer, which is what an Embedder pools."""
    text = (files.transformer.get("modality_config") or {}).get("text") or {}
    output = text.get("method_output_name", STATES)
    if output != STATES:
        raise InvalidArgumentError(f"{files.folder} pools {output!r} of its model; supported is {STATES}")


def _require_no_prompt(folder: Path) -> None:
    prompts = folder / "config_sentence_transformers.json"
    default = read_json(prompts).get("default_prompt_name") if prompts.is_file() else None
    if default is not None:
        raise InvalidArgumentError(
            f"{folder} puts the prompt {default!r} before every text, which posembed does not: set default_prompt_name "
            f"in {prompts.name} to null to use the model without it"
        )


def _mode(folder: Path, file: Path) -> Pooling:
    modes = read_json(file)
    names = [mode for mode, on in modes.items() if mode.startswith("pooling_mode_") and on]
    if "pooling_mode" in modes:  # how newer versions write it
        named = modes["pooling_mode"]
        names = named if isinstance(named, list) else [named]
    if len(names) != 1 or names[0] not in _POOLINGS:
        listed = ", ".join(map(str, names)) or "nothing"
        raise InvalidArgumentError(f"{folder} pools by {listed}; supported are mean and cls")
    return _POOLINGS[names[0]]
