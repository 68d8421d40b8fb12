"""Length-aware tables in sentence-transformers: read when a model is loaded, written when it is saved.

A folder that posembed writes names the classes of sentence-transformers, so it loads everywhere, with one plain table.
Its length-aware tables are read as well after :func:`autoload`, in that process, or where :func:`name_module` made the
folder name :class:`LengthAwareTransformer`.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from posembed.checkpoint.json_object import read_json_value
from posembed.checkpoint.own_code import LENGTH_AWARE_MODULE, PLAIN_MODULE
from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.checkpoint.weight_files import inside, transformer_directory
from posembed.errors import CheckpointError, InvalidArgumentError, require_package
from posembed.extension.length_aware import load_stored_tables
from posembed.extension.length_aware_place import tables_file
from posembed.files import path_of, write_whole

require_package(
    "sentence_transformers", "quality", "posembed.integrations.sentence_transformers", package="sentence-transformers"
)

from sentence_transformers.base.modules import Transformer  # noqa: E402

# What versions of sentence-transformers call the module in their files.
_PLAIN_MODULES = (
    PLAIN_MODULE,
    "sentence_transformers.models.transformer.Transformer",
    "sentence_transformers.base.modules.transformer.Transformer",
)
# Options of a Transformer's model that say where its files are.
_PLACE = ("subfolder", "cache_dir", "token", "revision", "local_files_only")
# Where the classes of modules are stored: the library's own list, and that of a Router.
_MODULES, _ROUTER = "modules.json", "router_config.json"


class LengthAwareTransformer(Transformer):
    """The Transformer of sentence-transformers, with the length-aware tables that are stored beside its weights.

    It is made, called and saved like its base class. Where ``modules.json`` names it, ``SentenceTransformer(folder)``
    makes it; sentence-transformers 6 and later ask for ``trust_remote_code=True`` before they import a class that is
    not their own, although the folder has no code.

    Args:
        model_name_or_path: a directory with ``length_aware.safetensors``, or a name of the Hugging Face hub.
        **options: those of the base class, such as ``max_seq_length`` or ``model_kwargs``.

    Raises:
        CheckpointError: if the directory has no length-aware tables, or they are damaged.
        InvalidArgumentError: for ``backend="onnx"`` or ``"openvino"``, or tables that do not fit the model.

    Example:
        >>> LengthAwareTransformer("long-bert")  # doctest: +SKIP
    """

    def __init__(self, model_name_or_path: str, **options: Any) -> None:
        _require_torch(model_name_or_path, options)
        folder = _folder_of_tables(model_name_or_path, options)
        if folder is None:
            inner = (options.get("model_kwargs") or {}).get("subfolder")
            raise CheckpointError(
                f"{'/'.join(filter(None, (str(model_name_or_path), inner)))} has no {TABLES_BY_LENGTH}, which "
                "LengthAwareTransformer needs: write it with posembed.save_length_aware, or use Transformer of "
                "sentence-transformers for the plain table"
            )
        super().__init__(model_name_or_path, **options)
        load_stored_tables(self, folder)


def autoload(on: bool = True) -> None:
    """Let sentence-transformers read length-aware tables, in this process, wherever it loads a Transformer.

    After this call ``SentenceTransformer(folder)`` gives the length-aware model, and so do ``CrossEncoder``,
    ``SparseEncoder``, ``MultiVectorEncoder`` and the parts of a ``Router``, whatever calls them. A folder without
    ``length_aware.safetensors`` is loaded as ever. Nothing is written and no flag is needed; the call replaces
    ``Transformer.__init__`` of sentence-transformers by one that looks for the tables afterwards.

    Args:
        on: ``False`` restores what was there.

    Example:
        >>> autoload()
        >>> autoload(False)
    """
    current: Any = Transformer.__init__
    before = getattr(current, _BEFORE, None)
    if on and before is None:
        Transformer.__init__ = _loading(current)
    elif not on and before is not None:
        Transformer.__init__ = before


_BEFORE = "_before_autoload_of_posembed"


def _loading(before: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(before)
    def init(self: Transformer, model_name_or_path: str, *arguments: Any, **options: Any) -> None:
        folder = _folder_of_tables(model_name_or_path, options)
        if folder is not None:
            _require_torch(model_name_or_path, options)
        before(self, model_name_or_path, *arguments, **options)
        if folder is not None:
            load_stored_tables(self, folder)

    setattr(init, _BEFORE, before)
    return init


def name_module(directory: str | os.PathLike[str], *, named: bool = True) -> list[Path]:
    """Make a folder's ``modules.json`` name :class:`LengthAwareTransformer`, so that it reads the tables by itself.

    Such a folder loads only where posembed is installed, and in sentence-transformers 6 and later only with
    ``trust_remote_code=True``. The parts of a ``Router`` are in ``router_config.json``, which is changed as well.

    Args:
        directory: a folder of sentence-transformers with ``length_aware.safetensors``.
        named: ``False`` names the library's own class again, which reads the plain table everywhere.

    Returns:
        The files that were changed.

    Raises:
        InvalidArgumentError: if the folder has no ``modules.json``, or no Transformer with tables.
        CheckpointError: for a list of modules that is broken.

    Example:
        >>> name_module("long-bert")  # doctest: +SKIP
        [PosixPath('long-bert/modules.json')]
    """
    root = path_of("directory", directory)
    if not (root / _MODULES).is_file():
        raise InvalidArgumentError(
            f"{root} has no {_MODULES}: it is not a folder of sentence-transformers. Its tables are read after "
            "posembed.integrations.sentence_transformers.autoload()"
        )
    changed: dict[Path, object] = {}
    seen = 0
    for file, content, entries in _lists(root):
        for holder, name, folder in entries:
            if holder[name] not in (*_PLAIN_MODULES, LENGTH_AWARE_MODULE):
                continue
            if named and not (folder / TABLES_BY_LENGTH).is_file():
                continue
            seen += 1
            wanted = LENGTH_AWARE_MODULE if named else PLAIN_MODULE
            if (holder[name] == LENGTH_AWARE_MODULE) != named:
                holder[name] = wanted
                changed[file] = content
    if not seen:
        raise InvalidArgumentError(
            f"{root} has no Transformer of sentence-transformers with {TABLES_BY_LENGTH} beside its weights: write it "
            "with posembed extend --length-aware, or posembed.save_length_aware"
        )
    for file, content in changed.items():
        write_whole(file, functools.partial(_write, content))
    return list(changed)


def _write(content: object, file: Path) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _lists(root: Path) -> Iterator[tuple[Path, object, list[tuple[dict[str, Any], str, Path]]]]:
    """Yield each list of modules: its file, its content, and the places of classes in it, with the modules' folders."""
    file = root / _MODULES
    modules = read_json_value(file)
    if not isinstance(modules, list) or not all(isinstance(each, dict) and "type" in each for each in modules):
        raise CheckpointError(f"{file}: is not a list of sentence-transformers modules")
    folders = [inside(root, str(each["path"]), file) if each.get("path") else root for each in modules]
    yield file, modules, [(each, "type", folder) for each, folder in zip(modules, folders, strict=True)]
    for folder in dict.fromkeys(folders):
        router = folder / _ROUTER
        if router.is_file():
            content = read_json_value(router)
            types = content.get("types") if isinstance(content, dict) else None
            if not isinstance(types, dict):
                raise CheckpointError(f"{router}: has no `types` of its parts")
            yield router, content, [(types, part, inside(folder, part, router)) for part in types]


def _folder_of_tables(name: str, options: Mapping[str, Any]) -> Path | None:
    """Return the folder of a Transformer's length-aware tables, or ``None`` if it has none.

    Args:
        name: a directory, or a name of the hub.
        options: of the Transformer; those of its model say where in the directory it is.
    """
    given = options.get("model_kwargs") or {}
    inner = given.get("subfolder") or ""
    root = Path(name)
    if root.is_dir():
        folder = root / inner
        if (folder / TABLES_BY_LENGTH).is_file():
            return folder
        # Up to version 0.2, posembed wrote the tables of a Transformer in a folder of its own beside modules.json.
        return root if inner == _first_transformer(root) and tables_file(root) is not None else None
    from transformers.utils.hub import cached_file

    found = cached_file(
        name,
        TABLES_BY_LENGTH,
        **{key: given[key] for key in _PLACE if key in given},
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        _raise_exceptions_for_gated_repo=False,
    )
    return None if found is None else Path(found).parent


def _first_transformer(root: Path) -> str | None:
    """Return the folder of a model's one Transformer, relative to its root."""
    try:
        return transformer_directory(root).relative_to(root).as_posix()
    except (CheckpointError, InvalidArgumentError):  # a Router, whose parts are checkpoints of their own
        return None


def _require_torch(name: str, options: Mapping[str, Any]) -> None:
    backend = options.get("backend", "torch")
    if backend != "torch":
        raise InvalidArgumentError(
            f"backend={backend!r} reads a graph with one table, but {name} has length-aware tables: load it with "
            "backend='torch', or call autoload(False) for the plain table"
        )
