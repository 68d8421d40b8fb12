"""What the files of a model's folder say about its purpose: its classes, and what sentence-transformers says of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posembed.checkpoint.json_object import kind_of_json, read_json_value
from posembed.checkpoint.own_code import module_types
from posembed.checkpoint.way_out import refuse_adapter
from posembed.checkpoint.weight_files import transformer_directory
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.files import path_of

# Names of one file: sentence-transformers wrote it under the architecture's name before version 3.
_TRANSFORMER_SETTINGS = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
ROUTES = ("Router", "Asym")
_ROUTERS = ("router_config.json", "config.json")


@dataclass(frozen=True)
class ModelFiles:
    """What a folder's small files say.

    Attributes:
        folder: as it was named.
        directory: of the weights and ``config.json``: inside ``folder`` for some sentence-transformers models.
        config: content of ``config.json``.
        modules: classes of sentence-transformers' modules; ``None`` without a ``modules.json``.
        settings: content of ``config_sentence_transformers.json``.
        transformer: content of ``sentence_bert_config.json``: task and outputs of the Transformer module.
        parts: folders of a Router's Transformers.
    """

    folder: Path
    directory: Path
    config: Mapping[str, Any]
    modules: tuple[str, ...] | None
    settings: Mapping[str, Any]
    transformer: Mapping[str, Any]
    parts: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ModelFiles:
        """Read them.

        Raises:
            InvalidArgumentError: without ``config.json`` and ``modules.json``; an adapter names its base.
            CheckpointError: for a file that cannot be read.
        """
        folder = path_of("checkpoint", path)
        listed = read_json_value(folder / "modules.json") if (folder / "modules.json").is_file() else None
        modules = None if listed is None else tuple(module_types(listed))
        directory = _directory(folder, modules or ())
        if listed is None and not (directory / "config.json").is_file():
            refuse_adapter(directory)
            raise InvalidArgumentError(f"{folder} has no config.json: name the directory of a Transformers model")
        settings = next((directory / name for name in _TRANSFORMER_SETTINGS if (directory / name).is_file()), None)
        return cls(
            folder=folder,
            directory=directory,
            config=read_object(directory / "config.json"),
            modules=modules,
            settings=read_object(folder / "config_sentence_transformers.json"),
            transformer={} if settings is None else read_object(settings),
            parts=_parts(folder, listed),
        )

    @property
    def architectures(self) -> tuple[str, ...]:
        """Class names that ``config.json`` lists."""
        listed = self.config.get("architectures")
        return tuple(map(str, listed)) if isinstance(listed, list) else ()

    @property
    def module_names(self) -> tuple[str, ...]:
        """The modules' class names alone."""
        return tuple(name.rpartition(".")[2] for name in self.modules or ())

    @property
    def labels(self) -> int | None:
        """Number of outputs of a classification head, where the configuration says it."""
        names, number = self.config.get("id2label"), self.config.get("num_labels")
        if isinstance(names, Mapping):
            return len(names)
        return number if isinstance(number, int) else None

    @property
    def model_type(self) -> str | None:
        """Class of sentence-transformers that wrote the model, such as ``"CrossEncoder"``."""
        name = self.settings.get("model_type")
        return name if isinstance(name, str) else None

    @property
    def task(self) -> str | None:
        """Task of the Transformer module, such as ``"sequence-classification"``."""
        name = self.transformer.get("transformer_task")
        return name if isinstance(name, str) else None

    @property
    def modalities(self) -> Mapping[str, object]:
        """What the Transformer module reads, such as ``"text"`` and ``"image"``, and how."""
        named = self.transformer.get("modality_config")
        return named if isinstance(named, Mapping) else {}

    @property
    def output(self) -> str | None:
        """The model's output for texts that is pooled, where the files name one."""
        text = self.modalities.get("text")
        name = text.get("method_output_name") if isinstance(text, Mapping) else None
        return None if name is None else str(name)

    def ends_with(self, *endings: str) -> bool:
        """Return whether an architecture's name has one of the endings."""
        return any(name.endswith(endings) for name in self.architectures)


def _directory(folder: Path, modules: tuple[str, ...]) -> Path:
    if any(name.rpartition(".")[2] in ROUTES for name in modules):
        return folder
    try:
        return transformer_directory(folder)
    except InvalidArgumentError:  # no Transformer among its modules: it is refused by what it has instead
        return folder


def read_object(file: Path) -> Mapping[str, Any]:
    """Return the JSON object that a file holds; empty where there is no such file.

    Raises:
        CheckpointError: if it cannot be read, or holds something else.
    """
    if not file.is_file():
        return {}
    content = read_json_value(file)
    if not isinstance(content, dict):
        raise CheckpointError(f"{file}: must hold a JSON object, found {kind_of_json(content)}")
    return content


def _parts(folder: Path, listed: object) -> tuple[str, ...]:
    """Return the folders of a Router's parts, relative to the model's folder."""
    found: list[str] = []
    for each in listed if isinstance(listed, list) else ():
        if not isinstance(each, dict) or str(each.get("type", "")).rpartition(".")[2] not in ROUTES:
            continue
        place = folder / str(each.get("path", ""))
        types = next((read_object(place / name).get("types") for name in _ROUTERS if (place / name).is_file()), None)
        named = types.items() if isinstance(types, dict) else ()
        found += [str((place / name).relative_to(folder)) for name, kind in named if str(kind).endswith("Transformer")]
    return tuple(found)
