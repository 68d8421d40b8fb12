"""Which files of a directory hold the weights."""

from __future__ import annotations

from pathlib import Path

from posembed.checkpoint.formats.opening import is_weight_file
from posembed.checkpoint.json_object import read_json, read_json_value, reason_of
from posembed.checkpoint.tree import listed
from posembed.checkpoint.way_out import no_transformer, no_weights, refuse_adapter
from posembed.errors import CheckpointError, InvalidArgumentError

# In the order in which Transformers looks for them.
_SINGLE = ("model.safetensors", "open_clip_model.safetensors")
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_PICKLES = ("pytorch_model.bin", "open_clip_pytorch_model.bin")
_NOT_WEIGHTS = ("adapter_model.safetensors",)


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
        listed = read_json_value(modules)
        # MLMTransformer is that of sparse encoders.
        paths = [str(m["path"]) for m in listed if str(m["type"]).endswith(("Transformer", "CLIPModel"))]
    except (TypeError, KeyError) as error:
        raise CheckpointError(
            f"{modules}: is not a list of sentence-transformers modules ({reason_of(error)})"
        ) from error
    if not paths:
        raise InvalidArgumentError(no_transformer(root, listed))
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


def choose_weights(directory: Path) -> tuple[tuple[Path, ...], Path | None]:
    """Return the weight files of a directory, and their index if they have one; safetensors before pickles.

    Raises:
        InvalidArgumentError: if there are none, or several and no index.
        CheckpointError: for an index that is broken, or a link that leads nowhere.
    """
    for name in _SINGLE:
        if (directory / name).is_file():
            return (directory / name,), None
    if (directory / _INDEXES[0]).is_file():
        return indexed_files(directory / _INDEXES[0]), directory / _INDEXES[0]
    others = [
        p
        for p in (listed(directory) if directory.is_dir() else ())
        if p.suffix == ".safetensors" and p.is_file() and p.name not in _NOT_WEIGHTS
    ]
    if len(others) == 1:
        return (others[0],), None
    if others:
        names = ", ".join(p.name for p in others[:6])
        raise InvalidArgumentError(
            f"{directory}: holds {len(others)} safetensors files and no index ({names}): name one"
        )
    if (directory / _INDEXES[1]).is_file():
        return indexed_files(directory / _INDEXES[1]), directory / _INDEXES[1]
    for name in _PICKLES:
        if (directory / name).is_file():
            return (directory / name,), None
    if (other := _other_format(directory)) is not None:
        return (other,), None
    for name in (*_SINGLE, *_PICKLES, *_INDEXES):
        if (directory / name).is_symlink():
            raise CheckpointError(f"{directory / name}: is a broken symbolic link: fetch the file again")
    refuse_adapter(directory)
    raise InvalidArgumentError(no_weights(directory, (*_SINGLE, *_INDEXES, *_PICKLES)))


def _other_format(directory: Path) -> Path | None:
    """Return the one weight file of another format in a directory without safetensors and pickles, if there is one.

    Raises:
        InvalidArgumentError: if there are several.
    """
    files = [p for p in (listed(directory) if directory.is_dir() else ()) if is_weight_file(p) and p.is_file()]
    if len(files) > 1:
        names = ", ".join(p.name for p in files[:6])
        raise InvalidArgumentError(f"{directory}: holds {len(files)} weight files ({names}): name one")
    return files[0] if files else None


def indexed_files(index: Path) -> tuple[Path, ...]:
    """Return the files that an index names, each once."""
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
