"""A checkpoint's directory as something that can be evaluated."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError, first_line
from posembed.extension.length_aware import load_length_aware
from posembed.find.found import FoundTable
from posembed.find.search import find_tables
from posembed.quality.evaluate.language import Scorer
from posembed.quality.models.embedder import Embedder, Pooling

Kind = Literal["embedding", "causal", "masked"]
_MASKS = ("[MASK]", "<mask>")


def kind_of(path: str | os.PathLike[str]) -> Kind:
    """What a checkpoint is: a sentence-embedding model, or a language model by its ``architectures``.

    Raises:
        InvalidArgumentError: if it is neither, or no directory with a configuration.
    """
    folder = Path(path)
    if not (folder / "config.json").is_file():
        raise InvalidArgumentError(f"{folder} has no config.json: name the directory of a Transformers model")
    if (folder / "modules.json").is_file():
        return "embedding"
    names = [str(name) for name in _json(folder / "config.json").get("architectures") or []]
    if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in names):
        return "causal"
    if any(name.endswith("ForMaskedLM") for name in names):
        return "masked"
    raise InvalidArgumentError(
        f"{folder} holds {', '.join(names) or 'no architecture that is named'}: evaluate takes sentence-embedding "
        "models (with modules.json), causal and masked language models"
    )


def usable_length(path: str | os.PathLike[str]) -> int:
    """The longest input in tokens, special tokens included, by the checkpoint's position tables.

    Raises:
        InvalidArgumentError: if it has no position table of a sequence.
    """
    lengths = [t.usable_length for t in find_tables(path) if t.refused is None and t.kind == "sequence"]
    if not lengths:
        raise InvalidArgumentError(f"{path} has no learned position table of a sequence, so there is nothing to judge")
    return min(lengths)


def only_table(path: str | os.PathLike[str]) -> FoundTable:
    """The one position table of a sequence that a checkpoint has.

    Raises:
        InvalidArgumentError: if there is none, several, or one whose rows are uncertain.
    """
    tables = [table for table in find_tables(path) if table.refused is None and table.kind == "sequence"]
    if len(tables) != 1 or tables[0].uncertain:
        count = "one sequence table, whose rows are uncertain" if len(tables) == 1 else f"{len(tables)} sequence tables"
        raise InvalidArgumentError(f"{path} has {count}: one that is sure is needed; posembed inspect lists them")
    return tables[0]


def refuse_tables_by_length(path: str | os.PathLike[str], what: str) -> None:
    """Refuse a checkpoint that has them: its own table is not the one that short inputs read.

    Raises:
        InvalidArgumentError: saying ``what`` to do with the checkpoint that they were made from.
    """
    if (Path(path) / TABLES_BY_LENGTH).is_file():
        raise InvalidArgumentError(
            f"{path} has tables by length ({TABLES_BY_LENGTH}): {what} the checkpoint that they were made from"
        )


def parameter_name(model: torch.nn.Module, table: FoundTable) -> str:
    """The name by which a loaded model has a table of its checkpoint.

    Raises:
        InvalidArgumentError: if it has no parameter, or several, that the table could be.
    """
    names = [name for name, _ in model.named_parameters() if table.key == name or table.key.endswith(f".{name}")]
    names = names or [name for name, _ in model.named_parameters() if name.endswith(f".{table.key}")]
    if len(names) != 1:
        raise InvalidArgumentError(
            f"{type(model).__name__} has {len(names)} parameters that {table.key} could be, not one"
        )
    return names[0]


def load_embedder(path: str | os.PathLike[str], *, pooling: Pooling | None = None, precision: str = "fp32") -> Embedder:
    """A sentence-embedding checkpoint: model, tokenizer and pooling, as sentence-transformers would put them together.

    Args:
        path: a directory of Transformers or sentence-transformers files.
        pooling: in place of what the checkpoint says; mean where it says nothing.
        precision: ``"bf16"`` or ``"fp32"``.

    Raises:
        MissingExtraError: if `transformers` is not installed.
        InvalidArgumentError: for modules that only sentence-transformers itself can run.
        CheckpointError: for files that cannot be loaded.
    """
    folder = Path(path)
    pooling = pooling or _pooling(folder)
    model, tokenizer = _load(folder, "AutoModel")
    return Embedder(model, tokenizer, pooling, precision)


def load_language(path: str | os.PathLike[str], kind: Kind, precision: str = "fp32") -> tuple[Scorer, Any]:
    """A language model's scorer and its tokenizer; the arguments and errors are those of :func:`load_predictor`."""
    model, tokenizer, mask_id = load_predictor(path, kind)
    return Scorer(logits_of(model, precision), "causal" if kind == "causal" else "masked", mask_id), tokenizer


def logits_of(model: Any, precision: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """A model as a function from token ids to logits, computed in ``"bf16"`` or ``"fp32"``."""

    def logits(ids: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            found: torch.Tensor = model(input_ids=ids).logits
        return found

    return logits


def load_predictor(path: str | os.PathLike[str], kind: Kind) -> tuple[Any, Any, int | None]:
    """A language model, its tokenizer, and the token that hides another where it has one.

    Args:
        path: a directory of Transformers files.
        kind: ``"causal"`` or ``"masked"``.

    Raises:
        MissingExtraError: if `transformers` is not installed.
        InvalidArgumentError: if there is no tokenizer, or a masked model's has no mask token.
        CheckpointError: for files that cannot be loaded.
    """
    folder = Path(path)
    model, tokenizer = _load(folder, "AutoModelForCausalLM" if kind == "causal" else "AutoModelForMaskedLM")
    mask_id = next(filter(lambda number: number is not None, map(tokenizer.token_to_id, _MASKS)), None)
    if kind == "masked" and mask_id is None:
        raise InvalidArgumentError(f"{folder / 'tokenizer.json'} has no mask token under the names {', '.join(_MASKS)}")
    return model, tokenizer, mask_id


def _load(folder: Path, loader: str) -> tuple[Any, Any]:
    """The model in float32, with its tables by length where they lie beside it, and its tokenizer without limits."""
    try:
        import transformers
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError("transformers", "models", "evaluating a checkpoint") from None
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise InvalidArgumentError(f"{folder} has no tokenizer.json, so texts cannot become tokens")
    try:
        tokenizer = Tokenizer.from_file(str(file))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = getattr(transformers, loader).from_pretrained(folder, dtype=torch.float32).eval()
    except Exception as error:  # the libraries raise whatever a broken file leads to
        raise CheckpointError(f"{folder} cannot be loaded: {first_line(error)}") from None
    if (folder / TABLES_BY_LENGTH).is_file():
        load_length_aware(model, folder)
    tokenizer.no_truncation()  # a stored limit would cut every document without a word
    tokenizer.no_padding()
    return model, tokenizer


def _pooling(folder: Path) -> Pooling:
    if not (folder / "modules.json").is_file():
        return "mean"
    prompts = folder / "config_sentence_transformers.json"
    default = _json(prompts).get("default_prompt_name") if prompts.is_file() else None
    if default is not None:
        raise InvalidArgumentError(
            f"{folder} puts the prompt {default!r} before every text, which evaluate does not: set default_prompt_name "
            f"in {prompts.name} to null to judge it without"
        )
    modules = _json(folder / "modules.json")
    pooling: Pooling = "mean"
    for module in modules if isinstance(modules, list) else []:
        name = str(module.get("type", "")).rpartition(".")[2]
        if name not in ("Transformer", "Pooling", "Normalize"):
            raise InvalidArgumentError(
                f"{folder} has the module {name}, which posembed does not run: evaluate takes Transformer, Pooling and "
                "Normalize"
            )
        if name == "Pooling":
            modes = _json(folder / str(module["path"]) / "config.json")
            chosen = [mode for mode, on in modes.items() if mode.startswith("pooling_mode_") and on]
            if "pooling_mode" in modes:  # how newer versions write it
                named = modes["pooling_mode"]
                chosen = named if isinstance(named, list) else [named]
            known = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "mean": "mean", "cls": "cls"}
            if len(chosen) != 1 or chosen[0] not in known:
                said = ", ".join(map(str, chosen)) or "nothing that is named"
                raise InvalidArgumentError(f"{folder} pools by {said}: evaluate takes mean or cls")
            pooling = "cls" if known[chosen[0]] == "cls" else "mean"
    return pooling


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}") from None
