"""The weights of a PyTorch file by name, and whatever else in it repeats their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint.formats.pickle.containers import weights_of
from posembed.checkpoint.formats.pickle.file import TorchFile, open_torch
from posembed.checkpoint.formats.pickle.nodes import PickleFaultError
from posembed.checkpoint.formats.pickle.tensors import TensorRef
from posembed.checkpoint.formats.pickle.walk import Place, places
from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import CheckpointError

# Settings that are kept for comparison; scripts save some hundred. A list of file names is no setting.
MOST_SETTINGS = 10_000


@dataclass(frozen=True, slots=True)
class PickledTensor(StoredTensor):
    """A tensor of a PyTorch file, not read yet; ``names`` lead to it."""

    opened: TorchFile
    ref: TensorRef
    names: tuple[str, ...]

    def read(self) -> Array:
        """Return the values as a NumPy array."""
        return self.opened.read(self.ref)


@dataclass(frozen=True, slots=True)
class Setting:
    """A whole number, or a tuple or list of two or three, that a file holds beside its tensors.

    Attributes:
        names: the keys and attributes that lead to it.
        value: the number, or a tuple of them.
    """

    names: tuple[str, ...]
    value: int | tuple[int, ...]


@dataclass(frozen=True)
class PickledFile:
    """What a PyTorch file holds.

    Attributes:
        opened: the file.
        tensors: its weights by key; further copies of the first state dict say of which key they are the copy.
        training: tensors of optimizers and the like, with their shapes.
        settings: numbers beside the tensors.
    """

    opened: TorchFile
    tensors: Mapping[str, PickledTensor]
    training: tuple[tuple[str, tuple[int, ...]], ...]
    settings: tuple[Setting, ...]


def read_pickle(path: Path) -> PickledFile:
    """Open a PyTorch file and find its weights; no values are read.

    Raises:
        CheckpointError: for a file that is broken, holds no weights, or would run code.
    """
    opened = open_torch(path)
    try:
        found = [place for place in places(opened.root) if place.tensor is not None or _setting(place) is not None]
        weights = weights_of(found)
    except PickleFaultError as error:
        raise CheckpointError(f"{path}: is a broken PyTorch checkpoint ({error}): download or copy it again") from error
    training = tuple((".".join(p.names), p.tensor.shape) for p in found if p.tensor is not None and p.of_optimizer)
    named = [weight for weight in weights if weight.key]
    if not named:
        what = "only the state of an optimizer" if training else "no state dict (a mapping from names to tensors)"
        raise CheckpointError(f"{path}: holds {what}")
    tensors: dict[str, PickledTensor] = {}
    for weight in named:
        opened.require_stored(weight.ref, weight.key[:200])
        tensors[weight.key] = PickledTensor(
            weight.key,
            weight.ref.shape,
            weight.ref.dtype_name,
            path,
            opened,
            weight.ref,
            weight.names,
            copy_of=weight.copy_of,
        )
    settings = [setting for place in found if (setting := _setting(place)) is not None and not place.of_optimizer]
    return PickledFile(opened, tensors, training, tuple(settings[:MOST_SETTINGS]))


def _setting(place: Place) -> Setting | None:
    value = place.value
    if place.tensor is not None:
        return None
    if type(value) is int and (place.holder is not None or len(place.names) == 1):  # (size, state_dict) is only named
        return Setting(place.names, value)
    if place.holder is None:
        return None
    if type(value) in (list, tuple) and isinstance(value, list | tuple) and len(value) in (2, 3):
        numbers = tuple(each for each in value if type(each) is int)
        return Setting(place.names, numbers) if len(numbers) == len(value) else None
    return None
