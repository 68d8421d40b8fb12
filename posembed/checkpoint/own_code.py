"""Python code that a checkpoint brings along: which files hold it, and which fields ask libraries to run it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint.json_object import read_json_value
from posembed.checkpoint.partial import size_of
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tree import listed
from posembed.errors import CheckpointError, first_names

# Files in which Transformers and sentence-transformers look for classes to import.
_CONFIGURATIONS = (
    "config.json",
    "tokenizer_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "image_processor_config.json",
    "video_preprocessor_config.json",
    "feature_extractor_config.json",
    "generation_config.json",
)
_OF_TRANSFORMERS = ("auto_map", "custom_pipelines")
# Lists of sentence-transformers' modules, by class; Router's own list was called config.json before version 5.
_MODULES = ("modules.json", "router_config.json", "config.json")
# Fields of `config.json` and of sentence-transformers' files that name a class to call on the outputs.
_ACTIVATIONS = ("activation_function", "activation_fn", "default_activation_function")
_LIBRARY, _ACTIVATION_LIBRARY = "sentence_transformers.", "torch."
# posembed's own module, and what it stands for to who does not need its tables.
LENGTH_AWARE_MODULE = "posembed.integrations.sentence_transformers.LengthAwareTransformer"
PLAIN_MODULE = "sentence_transformers.models.Transformer"  # a name that every version of the library knows
# Larger JSON files hold vocabularies, not settings.
_LARGEST = 8 << 20
# Names in one sentence; a folder may hold hundreds of scripts.
_SHOWN = 4
_NOT_OF_THE_MODEL = {".git", ".cache", "__pycache__"}


@dataclass(frozen=True)
class OwnCode:
    """Code of a checkpoint's own.

    Attributes:
        named_by: what asks for it, such as ``"config.json: auto_map"``.
        files: the Python files, relative to the checkpoint.
    """

    named_by: tuple[str, ...]
    files: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.named_by or self.files)

    def __str__(self) -> str:
        """Return both in words, without a sentence around them.

        Example:
            >>> str(OwnCode(("config.json: auto_map",), ("modeling_own.py",)))
            'modeling_own.py, asked for by config.json: auto_map'
        """
        asked = f"asked for by {first_names(self.named_by, _SHOWN)}" if self.named_by else ""
        return ", ".join(part for part in (first_names(self.files, _SHOWN), asked) if part)


def own_code(root: Path, directory: Path) -> OwnCode:
    """Return the code that a checkpoint brings along; nothing is run or imported.

    Args:
        root: the checkpoint's directory, or its one file: then only the configuration beside it counts.
        directory: of its weights and ``config.json``.
    """
    folders = dict.fromkeys((root, directory)) if root.is_dir() else {directory: None}
    named = [
        f"{_relative(folder / name, root)}: {field}"
        for folder in folders
        for name in _CONFIGURATIONS
        for field in _classes(_content(folder / name))
    ]
    if not root.is_dir():
        return OwnCode(tuple(named), ())
    named += _foreign_classes(root)
    return OwnCode(tuple(dict.fromkeys(named)), tuple(_python_files(root)))


def code_note(checkpoint: Checkpoint) -> str | None:
    """Return a sentence about the code that a checkpoint brings along, or ``None`` where it brings none."""
    found = own_code(checkpoint.root, checkpoint.directory)
    if not found:
        return None
    return (
        f"the checkpoint brings Python code of its own ({found}), which is not read here: it may set limits that "
        "cannot be seen"
    )


def _classes(content: object) -> Iterator[str]:
    """Yield the fields, at any depth, that name classes of the checkpoint's own."""
    for path, value in _walk(content, ()):
        name = path[-1]
        if (name in _OF_TRANSFORMERS and value) or _is_foreign_activation(name, value):
            yield ".".join(path)


def _is_foreign_activation(name: str, value: object) -> bool:
    # "gelu" and the like are Transformers' own names; a dotted one is imported.
    return (
        name in _ACTIVATIONS and isinstance(value, str) and "." in value and not value.startswith(_ACTIVATION_LIBRARY)
    )


def foreign_classes(root: Path) -> list[str]:
    """Return what sentence-transformers would import for a folder from elsewhere than its own package and torch."""
    # Classes of `auto_map` are imported by Transformers, which asks for consent itself.
    return [each for each in _foreign_classes(root) if not each.endswith(_OF_TRANSFORMERS)]


def _foreign_classes(root: Path) -> Iterator[str]:
    for folder in (root, *(each for each in listed(root) if each.is_dir() and not each.is_symlink())):
        for name in _MODULES:
            content = _content(folder / name)
            where = _relative(folder / name, root)
            for type_name in module_types(content):
                if not is_known_module(type_name):
                    yield f"{where}: {type_name}"
        for name in ("config.json", "config_sentence_transformers.json"):
            for field in _classes(_content(folder / name)):
                yield f"{_relative(folder / name, root)}: {field}"


def is_known_module(name: str) -> bool:
    """Return whether a class in a list of modules is one of sentence-transformers, or posembed's own."""
    return name.startswith(_LIBRARY) or name == LENGTH_AWARE_MODULE


def module_types(content: object) -> list[str]:
    """Return the class names in sentence-transformers' list of modules, or in that of a Router.

    Example:
        >>> module_types([{"type": "sentence_transformers.models.Transformer"}])
        ['sentence_transformers.models.Transformer']
        >>> module_types({"types": {"query_0": "own.Model"}, "structure": {}})
        ['own.Model']
    """
    if isinstance(content, list):
        return [str(each.get("type", "")) for each in content if isinstance(each, dict)]
    if isinstance(content, dict) and isinstance(content.get("types"), dict) and "structure" in content:
        return [str(each) for each in content["types"].values()]
    return []


def _python_files(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _NOT_OF_THE_MODEL)
        yield from (_relative(Path(folder) / name, root) for name in sorted(files) if name.endswith(".py"))


def _walk(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    stack = [iter([(path, value)])]  # iterators: a list of a million parts is not copied with its paths
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
            continue
        if found[0]:
            yield found
        stack.append(_parts(*found))


def _parts(path: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], object]]:
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in named:
        yield (*path, str(name)), each


def _content(file: Path) -> object:
    """Return what a JSON file holds; a note must not fail on a file that is broken, since others say so."""
    try:
        return read_json_value(file) if size_of(file) <= _LARGEST else None
    except (OSError, CheckpointError):
        return None


def _relative(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if root.is_dir() and file.is_relative_to(root) else file.name
