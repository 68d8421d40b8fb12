"""Find the weights among everything that a training script saves: one state dict, its copies, and what else there is.

Scripts nest weights under ``model``, ``state_dict``, ``net`` and a hundred other names, beside optimizers, metrics and
settings. Names decide only which of several is the first; that it is a state dict shows in its tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from posembed.checkpoint.formats.pickle.tensors import TensorRef
from posembed.checkpoint.formats.pickle.walk import Path, Place

# The names under which scripts nest weights, those of the model itself before those of averages and teachers.
_WRAPPERS = (
    *("state_dict", "model", "module", "model_state_dict", "model_state", "net", "network", "params", "weights"),
    *("teacher", "ema", "student", "state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "params_ema"),
)
# What DataParallel, DistributedDataParallel and torch.compile put before each name.
_PREFIXES = ("module.", "_orig_mod.")
# The share of its keys that a second copy must have in common with the first; heads and averages may differ.
_COMMON = 0.5


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor of the weights.

    Attributes:
        key: its name; without the names of what the state dict is nested in.
        names: all names that lead to it.
        ref: the tensor.
        copy_of: the key of the first copy, for a further copy of the weights in the same file.
    """

    key: str
    names: Path
    ref: TensorRef
    copy_of: str | None = None


def weights_of(found: Iterable[Place]) -> list[Weight]:
    """Return the weights among some tensors, those of the first state dict first, each under a key of its own."""
    tensors = [(place.names, place.tensor) for place in found if place.tensor is not None and not place.of_optimizer]
    top = _first_state_dict([names for names, ref in tensors if ref.shape], ())
    own = [(names, ref) for names, ref in tensors if names[: len(top)] == top]
    others = [(names, ref) for names, ref in tensors if names[: len(top)] != top]
    weights: dict[str, Weight] = {}
    for names, ref in own:
        key = ".".join(names[len(top) :])
        weights.setdefault(key, Weight(key, names, ref))
    plain = {_plain(key): weight for key, weight in weights.items()}
    for names, ref in others:
        key = ".".join(names)
        if key in weights:
            key = f"/{'/'.join(names)}"
        weights.setdefault(key, Weight(key, names, ref, _original(names, ref, plain)))
    return list(weights.values())


def _first_state_dict(paths: Sequence[Path], top: Path) -> Path:
    """Return the names that lead to the first state dict."""
    depth = len(top)
    below: dict[str, list[Path]] = {}
    beside = 0
    for path in paths:
        if len(path) > depth + 1:
            below.setdefault(path[depth], []).append(path)
        else:
            beside += 1
    wrapped = [name for name in _WRAPPERS if name in below]
    if not wrapped and not beside and (len(below) == 1 or _are_copies(below, depth)):
        wrapped = [name for name, inner in below.items() if _is_wrapper(inner, (*top, name))]
    if not wrapped:
        return top
    return _first_state_dict(below[wrapped[0]], (*top, wrapped[0]))


def _is_wrapper(paths: Sequence[Path], top: Path) -> bool:
    """Return whether a name holds a state dict rather than a module: its keys are whole paths, or it nests one."""
    flat = any("." in path[-1] for path in paths if len(path) == len(top) + 1)
    return flat or _first_state_dict(paths, top) != top


def _are_copies(below: Mapping[str, Sequence[Path]], depth: int) -> bool:
    """Return whether two of the parts have mostly the same keys."""
    keys = [{_plain(".".join(path[depth + 1 :])) for path in inner} for inner in below.values()]
    return any(
        len(one & other) >= _COMMON * max(len(one), len(other)) for at, one in enumerate(keys) for other in keys[:at]
    )


def _original(names: Path, ref: TensorRef, plain: Mapping[str, Weight]) -> str | None:
    """Return the key of the tensor that this one is another copy of."""
    for start in range(1, len(names)):
        weight = plain.get(_plain(".".join(names[start:])))
        if weight is not None and weight.ref.shape == ref.shape:
            return weight.key
    return None


def _plain(key: str) -> str:
    """A key without what parallel training and compilation put before it."""
    while key.startswith(_PREFIXES):
        key = key.partition(".")[2]
    return key
