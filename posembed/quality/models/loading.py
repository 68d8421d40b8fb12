"""Load the files of a checkpoint: the model, its tokenizer, and which parameter is its position table."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from posembed.checkpoint.source import CheckpointPath, open_checkpoint
from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError, first_line
from posembed.extension.length_aware import load_length_aware
from posembed.find.found import FoundTable
from posembed.find.search import find_tables
from posembed.records.choices import KindName


def usable_length(path: CheckpointPath) -> int:
    """The longest input in tokens, special tokens included, by the checkpoint's position tables.

    Raises:
        InvalidArgumentError: if it has no position table of a sequence.
    """
    lengths = [t.usable_length for t in find_tables(path) if t.refused is None and t.kind == "sequence"]
    if not lengths:
        raise InvalidArgumentError(
            f"{open_checkpoint(path).root} has no learned position table of a sequence: there is nothing to evaluate"
        )
    return min(lengths)


def only_table(path: CheckpointPath) -> FoundTable:
    """The one position table of a sequence that a checkpoint has.

    Raises:
        InvalidArgumentError: if there is none, several, or one whose rows are uncertain.
    """
    tables = [table for table in find_tables(path) if table.refused is None and table.kind == "sequence"]
    if len(tables) != 1 or tables[0].uncertain:
        count = "one sequence table, whose rows are uncertain" if len(tables) == 1 else f"{len(tables)} sequence tables"
        root = open_checkpoint(path).root
        raise InvalidArgumentError(
            f"{root} has {count}; exactly one unambiguous sequence table is required. posembed inspect lists them"
        )
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


def load_files(folder: Path, loader: str) -> tuple[Any, Any]:
    """Load a model in float32, with its length-aware tables if it has some, and its tokenizer without limits.

    Args:
        folder: a directory of Transformers files.
        loader: Transformers' class that loads the model, such as ``"AutoModel"``.

    Raises:
        MissingExtraError: if `transformers` is not installed.
        InvalidArgumentError: if there is no ``tokenizer.json``.
        CheckpointError: for files that cannot be loaded.
    """
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


def read_json(file: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        CheckpointError: if it cannot be read.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}") from None


Kind = KindName


def kind_of(path: str | os.PathLike[str]) -> KindName:
    """Return the name of the kind of model that a checkpoint is; new code asks :mod:`posembed.quality.models.kinds`."""
    from posembed.quality.models.kinds import kind_of as found

    return found(path).name


def load_embedder(path: str | os.PathLike[str], **keywords: Any) -> Any:
    """Load an embedding model; new code asks :mod:`posembed.quality.models.embedding`."""
    from posembed.quality.models.embedding import load_embedder as load

    return load(path, **keywords)


def load_predictor(path: str | os.PathLike[str], kind: KindName) -> tuple[Any, Any, int | None]:
    """Load a language model, its tokenizer and its mask token; new code asks the kind itself."""
    from posembed.quality.models.kinds import kind_named

    loaded = kind_named(kind).load(path)
    return loaded.model, loaded.tokenizer, loaded.mask_id


def logits_of(model: Any, precision: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a model as a function; new code asks :class:`posembed.quality.models.language.LanguageModel`."""
    from posembed.quality.models.language import logits_of as function

    return function(model, precision)
