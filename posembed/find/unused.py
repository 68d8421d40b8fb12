"""Which position tables the model's code does not read, by the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable

from posembed.find import families
from posembed.find.config import Node, affinity, is_family
from posembed.find.found import FoundTable


def why_unused(table: FoundTable, tree: list[Node], keys: Iterable[str]) -> str | None:
    """Return why the model's code does not read a table, or ``None`` if it does.

    Args:
        table: as it was found.
        tree: the configuration and its parts, outermost first.
        keys: of all tensors beside it.
    """
    governing = _governing(table, tree)
    for law in families.UNREAD:
        if any(is_family(node.model_type, law.families) for node in governing) and re.search(law.key, table.key):
            return law.reason
    own_code = "auto_map" in tree[0].fields
    decided: set[str] = set()
    for switch in families.SWITCHES:
        node = next((node for node in governing if is_family(node.model_type, switch.families)), None)
        if node is not None and switch.field not in decided and re.search(switch.key, table.key):
            decided.add(switch.field)
            reason = _turned_off(switch, node, own_code=own_code, keys=keys)
            if reason is not None:
                return reason
    return None


def _turned_off(switch: families.Switch, node: Node, *, own_code: bool, keys: Iterable[str]) -> str | None:
    value = node.fields.get(switch.field, switch.default)
    if value in switch.read:
        return None
    if switch.beside and not own_code and not any(re.search(switch.beside, key) for key in keys):
        return None
    default = "" if switch.field in node.fields else " (the default)"
    return f"{node.dotted(switch.field)} = {value!r}{default}, so the model does not read this table"


def _governing(table: FoundTable, tree: list[Node]) -> list[Node]:
    """Return the part of the configuration that sizes a table, or else those that may: the best name, the outermost."""
    for rule in table.fields:
        path = tuple(rule.name.split(".")[:-1])
        for node in tree:
            if node.path == path:
                return [node]
    return [max(tree, key=lambda node: affinity(table.key, node)), tree[0]]
