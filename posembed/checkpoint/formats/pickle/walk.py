"""Walk through what a pickle describes: every part once, with the names that lead to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from posembed.checkpoint.formats.pickle.nodes import Call, Items, Members, Node
from posembed.checkpoint.formats.pickle.tensors import TensorRef, tensor_of

LONGEST_SIZE = 3  # channels, height and width
DEEPEST = 32  # levels; a whole pickled model nests about a dozen
# Attributes of a pickled torch.nn.Module that hold its parts: the state dict does not name them.
MODULE_PARTS = ("_parameters", "_buffers", "_modules")
# Parts of training checkpoints that are not weights: Lightning, DeepSpeed, Megatron, fairseq, timm and plain scripts.
_NOT_WEIGHTS = re.compile(
    r"(?:^|_)(?:optim\w*|opt|optimizers?|\w*schedulers?|sched|scaler|amp|rng|rng_\w+|exp_avg\w*)(?:$|_)", re.IGNORECASE
)

Path = tuple[str, ...]
Entry = tuple[str, Node, "list[Node] | None", int]


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor, a whole number, or a short list or tuple in a pickle.

    Attributes:
        names: the keys, attributes and list positions that lead to it.
        value: the value.
        tensor: the tensor that it is, if it is one.
        holder: the list that holds it; ``None`` in a tuple, which cannot be changed.
        at: its place in the holder.
        of_optimizer: whether it is part of the state of an optimizer, a scheduler or a random generator.
    """

    names: Path
    value: Node
    tensor: TensorRef | None
    holder: list[Node] | None
    at: int
    of_optimizer: bool


def places(root: Node) -> Iterator[Place]:
    """Yield every tensor, whole number and short list that names lead to, in the pickle's order.

    A part that is shared is walked through once; tied tensors are yielded under each of their names.
    """
    seen: set[int] = set()
    work = [iter([Place((), root, None, None, 0, False)])]
    while work:
        place = next(work[-1], None)
        if place is None:
            work.pop()
            continue
        tensor = tensor_of(place.value) if isinstance(place.value, Call) else None
        if tensor is not None:
            yield Place(place.names, place.value, tensor, place.holder, place.at, place.of_optimizer)
        elif not isinstance(place.value, list | tuple | Call):
            yield place
        elif id(place.value) not in seen:
            seen.add(id(place.value))
            if isinstance(place.value, list | tuple) and len(place.value) <= LONGEST_SIZE:
                yield place  # an image's size, perhaps
            if len(place.names) < DEEPEST and len(work) < 2 * DEEPEST:
                work.append(_below(place))


def _below(place: Place) -> Iterator[Place]:
    optimizer = place.of_optimizer or _has_parameter_groups(place.value)
    in_list = bool(place.names) and not isinstance(place.value, Items | Call)  # a file's own list is no list of data
    for name, value, holder, at in entries(place.value):
        if isinstance(value, list | tuple | Call) or (isinstance(value, int) and not in_list):
            names = place.names if name in MODULE_PARTS else (*place.names, name)
            yield Place(names, value, None, holder, at, optimizer or _NOT_WEIGHTS.search(name) is not None)


def _has_parameter_groups(node: Node) -> bool:
    return isinstance(node, Items) and node.get("param_groups") is not None and node.get("state") is not None


def entries(node: Node) -> Iterator[Entry]:
    """Yield name, value, holder and place of everything directly in a mapping, list, tuple or object."""
    if isinstance(node, Call):
        for part in (node.items, node.state, node.members):
            yield from entries(part)
        if node.function.name == "OrderedDict" and isinstance(node.arguments, tuple) and node.arguments:
            yield from _listed_pairs(node.arguments[0])  # as Python 2 pickled it
    elif isinstance(node, Items):
        for at, key, value in node.pairs():
            if isinstance(key, str | int):
                yield str(key), value, node, at
    elif isinstance(node, list | tuple) and not isinstance(node, Members):
        holder = node if isinstance(node, list) else None
        for at, value in enumerate(node):
            yield str(at), value, holder, at


def _listed_pairs(node: Node) -> Iterator[Entry]:
    for pair in node if isinstance(node, list) else ():
        if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str | int):
            yield str(pair[0]), pair[1], pair if isinstance(pair, list) else None, 1
