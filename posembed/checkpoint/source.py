"""Open a checkpoint: which files hold which tensors, and what its configuration says. Nothing is written here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from posembed.checkpoint.formats.pickle import PickledTensor, read_pickle_index
from posembed.checkpoint.formats.safetensors.edit import read_tensor
from posembed.checkpoint.formats.safetensors.header import Header, read_header
from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import CheckpointError, InvalidArgumentError, PosembedError, first_line

JSON_LIMIT = 100 << 20  # bytes; the largest tokenizer.json in use are near 20 MB

# In the order in which Transformers looks for them.
_SINGLE = ("model.safetensors", "open_clip_model.safetensors")
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_PICKLES = ("pytorch_model.bin", "open_clip_pytorch_model.bin")
_PICKLE_ENDINGS = (".bin", ".pt", ".pth", ".ckpt")
_NOT_WEIGHTS = ("adapter_model.safetensors",)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint: names and shapes of all tensors, and its configuration.

    Every function that takes a checkpoint's path takes this as well; headers and configuration are then read once,
    however many functions work on it. It describes the files as they were when it was opened.

    Attributes:
        root: the path that was opened: a directory or a file.
        directory: the folder of the weights and ``config.json``; inside ``root`` for sentence-transformers folders.
        files: the weight files.
        index: the index of a sharded checkpoint, or ``None``.
        tensors: every tensor by key, in file order.
        config: ``config.json`` (or open_clip's) as it stands, empty if there is none.
        headers: headers of the safetensors files.
        config_file: the file of ``config``.
    """

    root: Path
    directory: Path
    files: tuple[Path, ...]
    index: Path | None
    tensors: Mapping[str, StoredTensor]
    config: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[Path, Header] = field(default_factory=dict)
    config_file: Path | None = None
    _results: dict[str, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    def read(self, key: str) -> Array:
        """Return the values of one tensor."""
        tensor = self.tensors[key]
        if tensor.file in self.headers:
            return read_tensor(self.headers[tensor.file], key)
        assert isinstance(tensor, PickledTensor)
        return tensor.read()

    def once(self, name: str, make: Callable[[], Result]) -> Result:
        """Return what ``make`` returned the first time that ``name`` was asked for.

        Example:
            >>> checkpoint = Checkpoint(Path("a"), Path("a"), (), None, {})
            >>> checkpoint.once("answer", lambda: 42), checkpoint.once("answer", lambda: 0)
            (42, 42)
        """
        if name not in self._results:
            self._results[name] = make()
        return cast("Result", self._results[name])


CheckpointPath = str | os.PathLike[str] | Checkpoint
"""A checkpoint as functions take it: its path, or an opened one."""


def open_checkpoint(path: CheckpointPath) -> Checkpoint:
    """Open a checkpoint; only its headers and configuration are read.

    Args:
        path: a safetensors file, a ``.bin``/``.pt``/``.pth`` state dict, an ``*.index.json``, a Transformers directory
            or a sentence-transformers directory. An opened checkpoint is returned as it is.

    Raises:
        InvalidArgumentError: if nothing is there, or nothing that holds weights.
        CheckpointError: for a file that is broken, unsafe or missing.
    """
    if isinstance(path, Checkpoint):
        return path
    root = Path(path)
    try:
        return _opened(root)
    except (OSError, ValueError) as error:  # a symlink loop, a name with a NUL or too long, a folder that is locked
        if isinstance(error, PosembedError):
            raise
        raise CheckpointError(f"{root}: cannot be opened: {_reason(error)}") from error


def _opened(root: Path) -> Checkpoint:
    exists, is_directory = root.exists(), root.is_dir()
    if not exists:
        if root.is_symlink():
            raise CheckpointError(f"{root}: is a symbolic link that leads nowhere (or in a circle): fix the link")
        raise InvalidArgumentError(
            f"checkpoint={str(root)!r} does not exist: name a directory or file on this machine "
            "(hub models: download them first, for example with `hf download`)"
        )
    if is_directory:
        directory = transformer_directory(root)
        return _open_files(root, directory, *_choose_weights(directory))
    if root.name.endswith(".index.json"):
        return _open_files(root, root.parent, _indexed_files(root), root)
    if root.suffix == ".safetensors" or root.suffix in _PICKLE_ENDINGS:
        return _open_files(root, root.parent, (root,), None)
    raise InvalidArgumentError(
        f"checkpoint={str(root)!r} is neither a directory nor a .safetensors, .bin, .pt, .pth or .index.json file"
    )


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object from a file.

    Raises:
        CheckpointError: if it cannot be read, is too large, is not JSON, or not an object.
    """
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise CheckpointError(f"{path}: is larger than {JSON_LIMIT >> 20} MB, too large for a configuration file")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is not valid JSON ({_reason(error)}): fix or replace the file") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: must hold a JSON object, found {type(value).__name__}")
    return value


def transformer_directory(root: Path) -> Path:
    """Return the folder of a sentence-transformers folder's Transformer; any other folder is returned as it is.

    Raises:
        CheckpointError: if ``modules.json`` is broken or names a folder outside.
        InvalidArgumentError: if it lists no Transformer.
    """
    modules = root / "modules.json"
    if not modules.is_file():
        return root
    try:
        listed = json.loads(modules.read_bytes())
        paths = [str(m["path"]) for m in listed if str(m["type"]).rsplit(".", 1)[-1] in ("Transformer", "CLIPModel")]
    except (OSError, ValueError, RecursionError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"{modules}: is not a list of sentence-transformers modules ({_reason(error)})"
        ) from error
    if not paths:
        raise InvalidArgumentError(f"{modules}: lists no Transformer module, so there is no position table to find")
    return inside(root, paths[0], modules) if paths[0] else root


def inside(directory: Path, name: str, named_by: Path) -> Path:
    """Return ``directory / name``.

    Raises:
        CheckpointError: if the name, which the file ``named_by`` holds, would lead outside or is too long.
    """
    parts = Path(name).parts
    shown = repr(name if len(name) < 200 else f"{name[:200]}…")
    if not name or "\0" in name or Path(name).is_absolute() or ".." in parts:
        raise CheckpointError(f"{named_by}: names {shown}, which lies outside of its directory: refused as unsafe")
    if any(len(part.encode("utf-8", "replace")) > 255 for part in parts):
        raise CheckpointError(f"{named_by}: names {shown}, which is too long for a file name")
    return directory / name


def _choose_weights(directory: Path) -> tuple[tuple[Path, ...], Path | None]:
    for name in _SINGLE:
        if (directory / name).is_file():
            return (directory / name,), None
    if (directory / _INDEXES[0]).is_file():
        return _indexed_files(directory / _INDEXES[0]), directory / _INDEXES[0]
    others = sorted(p for p in directory.glob("*.safetensors") if p.is_file() and p.name not in _NOT_WEIGHTS)
    if len(others) == 1:
        return (others[0],), None
    if others:
        names = ", ".join(p.name for p in others[:6])
        raise InvalidArgumentError(
            f"{directory}: holds {len(others)} safetensors files and no index ({names}): name one"
        )
    if (directory / _INDEXES[1]).is_file():
        return _indexed_files(directory / _INDEXES[1]), directory / _INDEXES[1]
    for name in _PICKLES:
        if (directory / name).is_file():
            return (directory / name,), None
    for name in (*_SINGLE, *_PICKLES, *_INDEXES):
        if (directory / name).is_symlink():
            raise CheckpointError(f"{directory / name}: is a symbolic link that leads nowhere: fetch the file again")
    below = sorted(str(p.parent.relative_to(directory)) for p in directory.glob("*/*.safetensors"))
    hint = f"; weights lie in {', '.join(sorted(set(below))[:5])}: name that folder" if below else ""
    raise InvalidArgumentError(
        f"{directory}: no weights found (looked for {', '.join((*_SINGLE, *_INDEXES, *_PICKLES))}){hint}"
    )


def _indexed_files(index: Path) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(weight_map(index).values()))


def weight_map(index: Path) -> dict[str, Path]:
    """Return the file of every key according to an index.

    Raises:
        CheckpointError: if the index has no such mapping, or names a file that is missing or outside.
    """
    mapping = read_json(index).get("weight_map")
    if not isinstance(mapping, dict) or not mapping or not all(isinstance(v, str) for v in mapping.values()):
        raise CheckpointError(f"{index}: has no weight_map from tensor names to file names")
    files = {name: inside(index.parent, name, index) for name in dict.fromkeys(mapping.values())}
    for name, file in files.items():
        if not file.is_file():
            raise CheckpointError(f"{index}: names the shard {name!r}, which is not there: fetch the whole checkpoint")
    return {key: files[name] for key, name in mapping.items()}


def _open_files(root: Path, directory: Path, files: tuple[Path, ...], index: Path | None) -> Checkpoint:
    names = ("config.json", "open_clip_config.json")
    if files[0].name.startswith("open_clip"):
        names = ("open_clip_config.json", "config.json")
    config_file = next((directory / name for name in names if (directory / name).is_file()), None)
    config = read_json(config_file) if config_file is not None else {}
    tensors: dict[str, StoredTensor] = {}
    headers: dict[Path, Header] = {}
    for file in files:
        if file.suffix == ".safetensors":
            headers[file] = header = read_header(file)
            entries: Mapping[str, StoredTensor] = {
                key: StoredTensor(key, entry.shape, entry.dtype, file) for key, entry in header.tensors.items()
            }
        else:
            entries = read_pickle_index(file)
        for key, entry in entries.items():
            if key in tensors:
                raise CheckpointError(
                    f"{file}: holds {key!r}, and so does {tensors[key].file.name}: one of them is stray"
                )
            tensors[key] = entry
    if index is not None:
        for key, file in weight_map(index).items():
            if key not in tensors or tensors[key].file != file:
                raise CheckpointError(f"{index}: says that {key!r} lies in {file.name}, but it is not there")
    return Checkpoint(root, directory, files, index, tensors, config, headers, config_file)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return first_line(error)
