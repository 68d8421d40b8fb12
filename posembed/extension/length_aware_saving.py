"""Save a model with length-aware positions by its library's own ways: a plain checkpoint, and the tables beside it."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from posembed.checkpoint.source import open_checkpoint
from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.errors import InvalidArgumentError
from posembed.extension.length_aware_seal import sealed_content
from posembed.files import path_of, write_whole
from posembed.nn.length_aware import LengthAwareEmbedding

# What writes a model: of Transformers, and of huggingface_hub's mixin. Uploads call these, then send the folder.
_WAYS = ("save_pretrained", "_save_pretrained")
_TARGET = "save_directory"  # the first argument of both, by name
# What sentence-transformers calls its ways: each lets every module save itself, the Transformer by save_pretrained.
_OF_SENTENCE_TRANSFORMERS = (*_WAYS, "save", "push_to_hub", "save_to_hub")


def only_length_aware(model: nn.Module) -> tuple[str, LengthAwareEmbedding]:
    """Return a model's length-aware position embedding, and its path.

    Raises:
        InvalidArgumentError: if the model has none, or several.
    """
    found = [(name, each) for name, each in model.named_modules() if isinstance(each, LengthAwareEmbedding)]
    if len(found) != 1:
        raise InvalidArgumentError(f"{type(model).__name__} has {len(found)} length-aware position embeddings, not one")
    return found[0]


def require_no_length_aware(model: nn.Module, keys: Sequence[str] | None) -> None:
    """Refuse a model whose table, one of ``keys`` if these are given, is a length-aware one already.

    Raises:
        InvalidArgumentError: for such a model.
    """
    for name, module in model.named_modules():
        if isinstance(module, LengthAwareEmbedding) and (keys is None or f"{name}.weight" in keys):
            limits = " and ".join(str(int(limit)) for limit in module.limits)
            raise InvalidArgumentError(
                f"{name} of {type(model).__name__} has length-aware positions already, for inputs of up to {limits} "
                "tokens: load the model again without them; several lengths in one call of extend_model give several "
                "tables"
            )


def require_place(folder: Path, key: str, module: LengthAwareEmbedding, *, whole: bool) -> None:
    """Require a directory whose checkpoint reads the longest of a model's tables, or one that can be written whole.

    Args:
        folder: the directory.
        key: name of the table's parameter in the model.
        module: the model's length-aware position embedding.
        whole: whether the model is written too.

    Raises:
        InvalidArgumentError: for anything else.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidArgumentError(f"directory={str(folder)!r} is a file: give a directory")
    if whole:
        return
    try:
        tensors = open_checkpoint(folder).tensors
    except InvalidArgumentError:  # no weights there: the tables are kept by themselves
        return
    # Files name a parameter with or without the parts around it, but its module keeps its own name.
    end = key.split(".")[-2:]
    stored = {name: each.shape for name, each in tensors.items() if name.split(".")[-2:] == end}
    wanted = tuple(module.table(-1).shape)
    if stored and wanted not in stored.values():
        name, shape = next(iter(stored.items()))
        raise InvalidArgumentError(
            f"{folder}: {name} has {shape[0]} rows, the longest length-aware table has {wanted[0]}: extend that "
            f"checkpoint to {max(module.limits)} positions first, or write the whole model with whole=True"
        )


def part_that_saves(model: nn.Module, path: str) -> str:
    """Return what to give in place of a wrapper, such as ``DataParallel`` or a Lightning module."""
    parts = path.split(".")
    for depth in range(1, len(parts)):
        part = ".".join(parts[:depth])
        if callable(getattr(model.get_submodule(part), "save_pretrained", None)):
            return f": give the part that has it, model.{part}"
    return ""


def save_with_tables(model: nn.Module, path: str) -> None:
    """Make the model's own ways of saving write a checkpoint that loads: the longest table in it, all tables beside it.

    Args:
        model: the model.
        path: of its length-aware position embedding; the modules around it are those that can be saved.
    """
    parts = path.split(".")
    saved_inside = False
    for depth in reversed(range(len(parts))):
        owner = model.get_submodule(".".join(parts[:depth])) if depth else model
        if not type(owner).__module__.startswith("sentence_transformers."):
            saved_inside |= _wrap(owner, _WAYS, _Saving)
        elif not saved_inside:
            _wrap(owner, _OF_SENTENCE_TRANSFORMERS, _Refused)


def _wrap(owner: nn.Module, ways: Sequence[str], wrapper: type[_Way]) -> bool:
    """Replace the ways of saving that a module has, each once; return whether there are any."""
    own = [way for way in ways if callable(getattr(type(owner), way, None))]
    for way in own:
        if not isinstance(owner.__dict__.get(way), _Way):
            setattr(owner, way, wrapper(owner, way))
    return bool(own)


def save_new_wholes_with_tables() -> None:
    """Do the same for a model of Transformers that such a model becomes a part of later (an ``EncoderDecoderModel``).

    The parts of a model do not know the whole that they are put into, so its class asks, once for all its objects.
    Without a length-aware position embedding inside, it does what it always did.
    """
    base = getattr(sys.modules.get("transformers"), "PreTrainedModel", None)
    for way in _WAYS:
        method = getattr(base, way, None)
        if callable(method) and not hasattr(method, _ASKS):
            setattr(base, way, _asking(method))


_ASKS = "_asks_for_length_aware_positions"


def _asking(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def asking(self: nn.Module, *arguments: Any, **named: Any) -> Any:
        return _save(self, functools.partial(method, self), arguments, named)

    setattr(asking, _ASKS, True)
    return asking


def _save(owner: nn.Module, method: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Call a way of saving while the longest table stands in the model as a plain one; then write all tables."""
    if not is_length_aware(owner):
        return method(*arguments, **named)
    call = inspect.signature(method).bind(*arguments, **named)
    given = call.arguments
    if given.get("push_to_hub"):
        raise InvalidArgumentError(
            "push_to_hub=True would upload the model before its length-aware tables are written: call "
            "push_to_hub(repo_id) of the model instead"
        )
    name, module = only_length_aware(owner)
    key = f"{name}.weight"
    folder = path_of("save_directory", given.get("save_directory", next(iter(arguments), None)))
    require_place(folder, key, module, whole=True)
    weight: Tensor = module.weight
    if given.get("state_dict") is not None:
        state = dict(given["state_dict"])
        if tuple(getattr(state.get(key), "shape", ())) != tuple(weight.shape):
            raise InvalidArgumentError(
                f"state_dict has no {key} of {weight.shape[0]} x {weight.shape[1]}, which are the rows of all "
                f"length-aware tables: give the whole model's state_dict(), or none"
            )
        weight, state[key] = state[key], module.table(-1, state[key])
        given["state_dict"] = state
    with plain_table(owner):
        result = method(*call.args, **call.kwargs)
    if given.get("is_main_process", True):
        write_tables(folder, key, module, weight)
    return result


def write_tables(folder: Path, key: str, module: LengthAwareEmbedding, weight: Tensor | None = None) -> Path:
    """Write the file of length-aware tables.

    Args:
        folder: where.
        key: name of the table's parameter.
        module: whose limits and tables they are.
        weight: rows in place of the module's own, ``[rows of all tables, d_model]``.
    """
    tables = {
        str(int(limit)): module.table(number, weight).detach().cpu().clone()
        for number, limit in enumerate(module.limits)
    }
    content = sealed_content(key, module.reserved, tables)
    path = folder / TABLES_BY_LENGTH
    write_whole(path, lambda temporary: temporary.write_bytes(content))
    return path


def is_length_aware(owner: nn.Module) -> bool:
    """Return whether a length-aware position embedding is inside."""
    return any(isinstance(module, LengthAwareEmbedding) for module in owner.modules())


class _Way:
    """A module's way of saving; without a length-aware position embedding inside, it does what it always did."""

    def __init__(self, owner: nn.Module, way: str) -> None:
        self.owner = owner  # a copy of the model copies this too, and then means the copied owner
        self.way = way
        self.patched = owner.__dict__.get(way)  # patched by others before
        self.__signature__ = inspect.signature(getattr(owner, way))

    @property
    def method(self) -> Callable[..., Any]:
        """What was there before."""
        found: Callable[..., Any] = self.patched or getattr(type(self.owner), self.way).__get__(self.owner)
        return found


class _Saving(_Way):
    """A way of saving that writes the length-aware tables too."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return _save(self.owner, self.method, arguments, named)


class _Refused(_Way):
    """A way of saving of sentence-transformers, around a model that cannot save itself."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if is_length_aware(self.owner):
            targets = [named[name] for name in ("path", "repo_id") if name in named]
            folder = str(next(iter((*arguments, *targets)), "out")).rpartition("/" if "hub" in self.way else "\0")[2]
            raise InvalidArgumentError(
                f"{type(self.owner).__name__}.{self.way} would write the length-aware tables as one, which cannot be "
                f"loaded again. Save the model with posembed.save_length_aware(model, {folder!r}, whole=True)"
            )
        return self.method(*arguments, **named)


@contextmanager
def plain_table(model: nn.Module) -> Iterator[None]:
    """Put the longest table into the model as a plain embedding, which every library can save, while the block runs."""
    path, module = only_length_aware(model)
    weight = module.table(-1).detach().clone()
    rows, width = weight.shape
    plain = nn.Embedding(rows, width, padding_idx=module.padding_idx, _weight=weight)
    parent_path, _, name = path.rpartition(".")
    parent = model.get_submodule(parent_path)
    setattr(parent, name, plain)
    try:
        yield
    finally:
        setattr(parent, name, module)
