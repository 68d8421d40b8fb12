"""A configuration and its parts: which of them governs a tensor, and how their fields are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from posembed.find import families
from posembed.find.families import weights


@dataclass(frozen=True, slots=True)
class Node:
    """A configuration or sub-configuration: its dotted path, its fields, and the type of model it describes."""

    path: tuple[str, ...]
    fields: Mapping[str, object]
    model_type: str

    def dotted(self, name: str) -> str:
        """Return the full path of one of its fields."""
        return ".".join((*self.path, name))


def nodes(config: Mapping[str, object]) -> list[Node]:
    """Return the configuration and all its sub-configurations, outermost first."""
    tree: list[Node] = []

    def walk(fields: Mapping[str, object], path: tuple[str, ...], inherited: str) -> None:
        model_type = str(fields.get("model_type") or inherited)
        if "pretrained_cfg" in fields and fields.get("architecture"):
            model_type = f"timm/{fields['architecture']}"
        fields = {name: value for name, value in fields.items() if isinstance(name, str)}  # id2label counts by number
        tree.append(Node(path, fields, model_type))
        if len(path) < weights.DEEPEST_PART:
            for name, value in fields.items():
                if isinstance(value, dict) and value:
                    walk(value, (*path, name), model_type)

    walk(config, (), "")
    return tree


def affinity(key: str, node: Node) -> int:
    """Return how well a node's name fits a key: words in common count for it, words of another modality against it."""
    words = set(re.split(r"[._]", key.lower()))
    score = 0
    for component in node.path:
        for stem in set(component.lower().split("_")) - families.UMBRELLA_WORDS:
            same = families.MODALITIES.get(stem, {stem})
            score += weights.WORD_IN_COMMON if words & same else weights.WORD_MISSING
            if stem in families.MODALITIES:
                other = {word for name, known in families.MODALITIES.items() if name != stem for word in known}
                if words & (other - same - families.NEUTRAL_WORDS):
                    score += weights.OTHER_MODALITY
    return score


def is_family(model_type: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a model type matches one of some shell patterns."""
    return any(fnmatchcase(model_type, pattern) for pattern in patterns)


def number(value: object) -> int | None:
    """Return a field's value if it is an integer; booleans and anything else are ``None``.

    Example:
        >>> number(512), number(True), number(512.0)
        (512, None, None)
    """
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def pair(value: object) -> tuple[int, int] | None:
    """Return ``(height, width)`` of 224, [224, 224], [3, 224, 224] or {"height": 224, "width": 224}.

    Example:
        >>> pair(224), pair([3, 224, 384]), pair({"shortest_edge": 224})
        ((224, 224), (224, 384), None)
    """
    if isinstance(value, dict):
        value = [value.get("height"), value.get("width")]
    if isinstance(value, list | tuple) and value and all(number(n) is not None for n in value):
        return (int(value[-2]), int(value[-1])) if len(value) > 1 else (int(value[0]), int(value[0]))
    one = number(value)
    return None if one is None else (one, one)
