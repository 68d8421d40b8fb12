"""Open a checkpoint: which files hold which tensors, and what its configuration says. Nothing is written here."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from posembed.checkpoint.formats.opening import is_weight_file, open_weight_file
from posembed.checkpoint.formats.safetensors.edit import read_tensor
from posembed.checkpoint.formats.safetensors.header import Header, read_header
from posembed.checkpoint.formats.weight_file import WeightFile
from posembed.checkpoint.json_object import read_json, reason_of
from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.checkpoint.way_out import is_pickle, refuse_adapter, refuse_file
from posembed.checkpoint.weight_files import choose_weights, indexed_files, transformer_directory, weight_map
from posembed.errors import CheckpointError, InvalidArgumentError, PosembedError
from posembed.files import path_of

if TYPE_CHECKING:
    from posembed.checkpoint.formats.pickle.index import PickledFile
    from posembed.checkpoint.remote.address import Address
    from posembed.checkpoint.remote.shadow import Shadow

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
        config: ``config.json`` (or open_clip's) as it stands, or what a weight file says itself; empty if neither is
            there.
        headers: headers of the safetensors files.
        pickles: what the PyTorch files hold.
        others: opened weight files of any other format.
        config_file: the file of ``config``.
        address: the name or address under which it was opened, if that is no path.
        shadow: what stands for its files, if they are not on this machine.
    """

    root: Path
    directory: Path
    files: tuple[Path, ...]
    index: Path | None
    tensors: Mapping[str, StoredTensor]
    config: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[Path, Header] = field(default_factory=dict)
    pickles: Mapping[Path, PickledFile] = field(default_factory=dict, repr=False, kw_only=True)
    others: Mapping[Path, WeightFile] = field(default_factory=dict, repr=False, kw_only=True)
    config_file: Path | None = None
    address: str | None = field(default=None, kw_only=True)
    shadow: Shadow | None = field(default=None, repr=False, compare=False, kw_only=True)
    _results: dict[str, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def shown(self) -> str:
        """What results call it: its address, else its path."""
        return str(self.root) if self.address is None else self.address

    def read(self, key: str) -> Array:
        """Return the values of one tensor."""
        tensor = self.tensors[key]
        if tensor.file in self.headers:
            return read_tensor(self.headers[tensor.file], key)
        if tensor.file in self.others:
            return self.others[tensor.file].read(key)
        return self.pickles[tensor.file].tensors[key].read()

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
        path: a safetensors file, a ``.bin``/``.pt``/``.pth`` state dict, a ``.npz`` archive, an ``*.index.json``, a
            Transformers directory or a sentence-transformers directory; or a name of the hub or an address, such as
            ``"org/model"``, ``"hf://org/model@revision"``, ``"https://…"`` and ``"s3://…"``. What exists on this
            machine is a path. An opened checkpoint is returned as it is.

    Raises:
        InvalidArgumentError: if nothing is there, or nothing that holds weights.
        CheckpointError: for a file that is broken, unsafe or missing.
        MissingExtraError: for a name or an address, if what reads it is not installed.
        WorkFailedError: if a server cannot be reached or fails.
    """
    if isinstance(path, Checkpoint):
        return path
    path_of("checkpoint", path)  # refuses what is no path
    address = address_of_missing(path)
    if address is not None:
        return _elsewhere(address)
    return _at(path_of("checkpoint", without_scheme(path)))


def address_of_missing(path: object) -> Address | None:
    """Return the address that an argument is, or ``None`` for a path; what exists on this machine is a path."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
    if not isinstance(text, str) or not text or "\0" in text or os.path.lexists(text):
        return None
    from posembed.checkpoint.remote.address import address_of  # nothing of it is imported for a path

    address = address_of(path)
    return None if isinstance(address, Path) else address


def without_scheme(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the path of a ``file://`` address; any other path as it is."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    # What is no path is refused by whoever opens it, with the argument's name.
    if not isinstance(text, str) or not text.startswith(("file:/", "local:/")) or os.path.lexists(path):
        return path
    from posembed.checkpoint.remote.address import address_of

    found = address_of(path)
    return found if isinstance(found, Path) else path


def _elsewhere(address: Address) -> Checkpoint:
    from posembed.checkpoint.remote.hub import cached_shown
    from posembed.checkpoint.remote.shadow import fetch_headers, make_shadow, open_store

    store = open_store(address)
    if isinstance(store, Path):
        return replace(_at(store), address=cached_shown(address, store))
    shadow = make_shadow(store)
    try:
        fetch_headers(shadow.root)
        checkpoint = replace(_at(shadow.root), address=shadow.shown, shadow=shadow)
    except BaseException:
        shadow.close()
        raise
    weakref.finalize(checkpoint, shadow.close)
    return checkpoint


def _at(root: Path) -> Checkpoint:
    try:
        return _opened(root)
    except (OSError, ValueError) as error:  # a symlink loop, a name with a NUL or too long, a folder that is locked
        if isinstance(error, PosembedError):
            raise
        raise CheckpointError(f"{root}: cannot be opened: {reason_of(error)}") from error


def _opened(root: Path) -> Checkpoint:
    exists, is_directory = root.exists(), root.is_dir()
    if not exists:
        if root.is_symlink():
            raise CheckpointError(f"{root}: is a broken or circular symbolic link: fix the link")
        raise InvalidArgumentError(
            f"checkpoint={str(root)!r} does not exist: name a directory or file on this machine, "
            "a model of a hub (ORG/MODEL) or an address (https://, s3://, ...)"
        )
    if is_directory:
        directory = transformer_directory(root)
        return _open_files(root, directory, *choose_weights(directory))
    if root.name.endswith(".index.json"):
        return _open_files(root, root.parent, indexed_files(root), root)
    refuse_adapter(root)
    if root.suffix == ".safetensors" or is_weight_file(root) or is_pickle(root):
        return _open_files(root, root.parent, (root,), None)
    raise refuse_file(root)


def _open_files(root: Path, directory: Path, files: tuple[Path, ...], index: Path | None) -> Checkpoint:
    names = ("config.json", "open_clip_config.json")
    if files[0].name.startswith("open_clip"):
        names = ("open_clip_config.json", "config.json")
    folders = [directory, *([directory.parent] if directory.name == "onnx" and files[0].suffix == ".onnx" else [])]
    places = (folder / name for folder in folders for name in names)  # exports lie in a folder beside the configuration
    config_file = next((place for place in places if place.is_file()), None)
    config: Mapping[str, object] = read_json(config_file) if config_file is not None else {}
    tensors: dict[str, StoredTensor] = {}
    headers: dict[Path, Header] = {}
    pickles: dict[Path, PickledFile] = {}
    others: dict[Path, WeightFile] = {}
    for file in files:
        if file.suffix == ".safetensors":
            headers[file] = header = read_header(file)
            entries: Mapping[str, StoredTensor] = {
                key: StoredTensor(key, entry.shape, entry.dtype, file) for key, entry in header.tensors.items()
            }
        elif is_weight_file(file):
            others[file] = open_weight_file(file)
            entries = others[file].tensors
            if others[file].config:  # what the file says governs it, whatever lies beside it
                config_file, config = file, others[file].config
        else:
            # A twentieth of a second, which checkpoints in safetensors do without.
            from posembed.checkpoint.formats.pickle.index import read_pickle

            pickles[file] = read_pickle(file)
            entries = pickles[file].tensors
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
    return Checkpoint(
        root, directory, files, index, tensors, config, headers, config_file, pickles=pickles, others=others
    )
