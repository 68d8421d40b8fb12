"""How a library reads a checkpoint: which tensors it misses, does not know, or expects in another shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from posembed.errors import WorkFailedError, first_names

Shape = tuple[int, ...]
NAMED = 3
"""Tensors that a sentence names: with more, a model of many layers fills the screen with one fault."""


class CannotCheckError(WorkFailedError):
    """The library cannot tell whether the checkpoint loads; the message says why."""


class DoesNotRunError(WorkFailedError):
    """The copy fails where the source runs, or at its new size; the message says where."""


@dataclass(frozen=True)
class Reading:
    """What a library made of a checkpoint.

    Attributes:
        what: class and library, such as ``"BertModel of transformers 5.23.0"``.
        missing: tensors of the model that the checkpoint lacks.
        unexpected: tensors of the checkpoint that the model has no place for.
        mismatched: tensors whose shape differs: in the checkpoint, and in the model.
        computed: stored buffers that the model computes in another shape; the stored ones are not loaded.
    """

    what: str
    missing: frozenset[str] = frozenset()
    unexpected: frozenset[str] = frozenset()
    mismatched: Mapping[str, tuple[Shape, Shape]] = field(default_factory=dict)
    computed: Mapping[str, tuple[Shape, Shape]] = field(default_factory=dict)

    def require_sound(self) -> None:
        """Refuse a source that does not load itself: its copy cannot be better.

        Raises:
            CannotCheckError: if a shape differs.
        """
        if self.mismatched:
            raise CannotCheckError(
                f"{self.what} does not load the source either: {'; '.join(_shapes(self.mismatched))}"
            )

    def require_used(self, keys: Iterable[str]) -> None:
        """Refuse a model that reads none of the tables that change, whose loading would prove nothing.

        Raises:
            CannotCheckError: if no table is among the tensors that the model reads.
        """
        listed = list(keys)
        unread = [key for key in listed if _named_in(key, self.unexpected)]
        if listed and len(unread) == len(listed):
            raise CannotCheckError(f"{self.what} does not read {first_names(unread, NAMED)}")


def faults(source: Reading, copy: Reading) -> str:
    """Return what is wrong with a copy and was not with its source, or an empty string.

    Example:
        >>> old = Reading("BertModel", missing=frozenset({"pooler.weight"}))
        >>> new = Reading("BertModel", old.missing, mismatched={"position.weight": ((1024, 8), (512, 8))})
        >>> faults(old, new)
        'position.weight has shape [1024, 8] in the weights, but the model of the configuration has [512, 8]'
        >>> faults(old, old)
        ''
    """
    new = {key: shapes for key, shapes in copy.computed.items() if key not in source.computed}
    found = list(_shapes({**copy.mismatched, **new}))
    for names, words in (
        (copy.missing - source.missing, "the weights lack"),
        (copy.unexpected - source.unexpected, "the model has no place for"),
    ):
        if names:
            found.append(f"{words} {first_names(sorted(names), NAMED)}")
    return "; ".join(found)


def _shapes(mismatched: Mapping[str, tuple[Shape, Shape]]) -> Iterator[str]:
    items = sorted(mismatched.items())
    for key, (stored, built) in items[:NAMED]:
        yield (f"{key} has shape {list(stored)} in the weights, but the model of the configuration has {list(built)}")
    if len(items) > NAMED:
        yield f"and so have {len(items) - NAMED} further tensors"


def _named_in(key: str, names: frozenset[str]) -> bool:
    """A model that is part of a larger one names its tensors without the prefix, or with one more."""
    return any(name == key or name.endswith(f".{key}") or key.endswith(f".{name}") for name in names)
