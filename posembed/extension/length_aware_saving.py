"""Save a model with length-aware positions: libraries would write its tables as one, so their ways are refused."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from posembed.checkpoint.source import open_checkpoint
from posembed.errors import InvalidArgumentError
from posembed.nn.length_aware import LengthAwareEmbedding

# What Transformers and sentence-transformers call their ways of writing a model. ``state_dict`` is none of them: it
# serves training as well, and goes back into the same model without loss.
_WAYS = ("save_pretrained", "push_to_hub", "save_to_hub", "_save_pretrained")
_UPLOADS = ("push_to_hub", "save_to_hub")
_TARGETS = ("save_directory", "path", "repo_id", "repo_name")  # the first argument of these, by name
# sentence-transformers alone has this one; elsewhere the name may mean anything.
_WAY_OF_SENTENCE_TRANSFORMERS = "save"


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


def refuse_other_ways(model: nn.Module, path: str) -> None:
    """Make every way of saving that would write the length-aware tables as one raise an error instead.

    Args:
        model: the model.
        path: of its length-aware position embedding; the modules around it are those that can be saved.
    """
    parts = path.split(".")
    for depth in range(len(parts)):
        owner = model.get_submodule(".".join(parts[:depth])) if depth else model
        ways = list(_WAYS)
        if type(owner).__module__.startswith("sentence_transformers."):
            ways.append(_WAY_OF_SENTENCE_TRANSFORMERS)
        for way in ways:
            if callable(getattr(type(owner), way, None)) and not isinstance(owner.__dict__.get(way), _Refused):
                setattr(owner, way, _Refused(owner, way))


def refuse_in_new_wholes() -> None:
    """Make Transformers refuse to save a model that such a model became a part of later (an ``EncoderDecoderModel``).

    The parts of a model do not know the whole that they are put into, so its class asks, once for all its objects.
    Without a length-aware position embedding inside, it does what it always did.
    """
    base = getattr(sys.modules.get("transformers"), "PreTrainedModel", None)
    for way in _WAYS:
        method = getattr(base, way, None)
        if callable(method) and not hasattr(method, _ASKS):
            setattr(base, way, _asking(method, way))


_ASKS = "_asks_for_length_aware_positions"


def _asking(method: Callable[..., Any], way: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def asking(self: nn.Module, *arguments: Any, **named: Any) -> Any:
        _require_plain(self, way, arguments, named)
        return method(self, *arguments, **named)

    setattr(asking, _ASKS, True)
    return asking


def _require_plain(owner: nn.Module, way: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Refuse to save a module with a length-aware position embedding inside."""
    if any(isinstance(module, LengthAwareEmbedding) for module in owner.modules()):
        target = _target(arguments, named)
        folder, then = target, ""
        if way in _UPLOADS:
            folder = target.rpartition("/")[2]
            then = f", then upload that folder: hf upload {target} {folder}"
        raise InvalidArgumentError(
            f"{type(owner).__name__}.{way} would write the length-aware tables as one, which cannot be loaded again. "
            f"Save the model with posembed.save_length_aware(model, {folder!r}, whole=True){then}"
        )


def _target(arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return the folder or repository that a call names: its first argument, or the one with such a name."""
    by_name = [named[name] for name in _TARGETS if name in named]
    return str(next(iter((*arguments, *by_name)), "out"))


class _Refused:
    """A module's way of saving; it works again once no length-aware position embedding is left inside."""

    def __init__(self, owner: nn.Module, way: str) -> None:
        self.owner = owner  # a copy of the model copies this too, and then means the copied owner
        self.way = way
        self.patched = owner.__dict__.get(way)  # patched by others before
        self.__signature__ = inspect.signature(getattr(owner, way))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        _require_plain(self.owner, self.way, arguments, named)
        method = self.patched or getattr(type(self.owner), self.way).__get__(self.owner)
        return method(*arguments, **named)


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
