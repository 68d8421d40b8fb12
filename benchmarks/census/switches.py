"""Find the fields that decide whether a model has a position table, by switching them, and compare the laws with it.

Run: python -m benchmarks.census.switches (needs transformers; ten minutes; prints a line per switch)

Every field whose name speaks of positions is switched in the small configuration of every architecture, and the model
built on the meta device. A table that is there with one value and not with the other is put into the checkpoint without
it: posembed must call it unused then, and must not where the model has it.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.census import build
from posembed.checkpoint.tensors import StoredTensor
from posembed.find.search import find_in

NAME = re.compile(r"pos|abs|rotary|rope|learn|sinus|native|visual_embed")
VALUES = ("absolute", "rotary", "relative_key", "learned", "sine", "random", "sincos", "none")
"""What fields hold that name a kind of position."""

Shapes = dict[str, tuple[int, ...]]


def switches(tree: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield fields with other values, by dotted path."""
    for path, value in build.walk_fields(tree):
        name = path.rpartition(".")[2]
        if not NAME.search(name):
            continue
        if isinstance(value, bool):
            yield path, not value
        elif name.endswith("_type") and (value is None or isinstance(value, str)):
            yield from ((path, other) for other in VALUES if other != value)


def tables(model_type: str, tree: dict[str, Any]) -> tuple[dict[str, Any], Shapes]:
    """Return the configuration as the model has it, and its arrays."""
    config = build.from_dict(model_type, tree)
    fields = config.to_dict() | {"model_type": config.model_type}
    shapes = {
        name: tuple(array.shape) for name, array in build.candidates(build.meta_model(model_type, config)).items()
    }
    return fields, shapes


def verdict(fields: dict[str, Any], shapes: Shapes, key: str) -> str:
    """Say what posembed takes an array for: ``"table"``, ``"unused"`` or ``"none"``; a sinusoid is none of them."""
    tensors = {name: StoredTensor(name, shape, "F32", Path("f")) for name, shape in shapes.items()}
    found = next((table for table in find_in(tensors, fields) if table.key == key), None)
    if found is None or (found.refused is not None and found.frozen is None):
        return "none"
    return "table" if found.unused is None else "unused"


def compare(model_type: str) -> Iterator[tuple[str, bool]]:
    """Yield a line for every switch of an architecture, and whether the laws agree with the model."""
    level = build.first_level(model_type)
    tree = build.small_dict(model_type, level)
    before, had = tables(model_type, tree)
    for path, value in switches(tree):
        changed = build.copied(tree)
        build.set_field(changed, path, value)
        try:
            after, has = tables(model_type, changed)
        except Exception:  # a value that this model does not know
            continue
        for key in had.keys() ^ has.keys():
            (with_it, shapes), without_it = ((before, had), after) if key in had else ((after, has), before)
            seen = (verdict(with_it, shapes, key), verdict(without_it, had | has, key))
            if seen[0] == "none":  # no position table: a rotary buffer, a table of distances
                continue
            yield (
                f"{model_type} {path} = {value!r}: {key} {seen[0]} with, {seen[1]} without",
                seen == ("table", "unused"),
            )


def main() -> None:
    """Compare all architectures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="model types; all of them if omitted")
    agree = total = 0
    for model_type in parser.parse_args().only or build.model_types():
        try:
            lines = list(compare(model_type))
        except Exception as error:  # a census goes on, whatever a model raises
            print(f"{model_type}: not built ({type(error).__name__})", file=sys.stderr)
            continue
        for line, right in lines:
            print(line if right else f"WRONG {line}", flush=True)
            agree, total = agree + right, total + 1
    print(f"{agree} of {total} agree")


if __name__ == "__main__":
    main()
