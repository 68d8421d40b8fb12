"""How far each weight of recognition can move before a table of a studied architecture is read differently.

Run: python -m benchmarks.census.weights (a minute; reads tests/find/census_defaults.json)

Each line: a weight, its value, and other values with the number of architectures that they read differently.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.census.defaults import TARGET
from posembed.checkpoint.tensors import StoredTensor
from posembed.find.families import weights
from posembed.find.search import find_in

STEPS = (-3.0, -2.0, -1.5, -1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)


def readings(census: dict[str, Any]) -> dict[str, list[object]]:
    """Return what is found in the default sizes of every architecture."""
    out: dict[str, list[object]] = {}
    for name, entry in census.items():
        shapes = {key: table["shape"] for key, table in entry["tables"].items()} | entry["not_tables"]
        tensors = {key: StoredTensor(key, tuple(shape), "F32", Path("model")) for key, shape in shapes.items()}
        out[name] = [
            (t.key, t.refused, t.kind, t.layout, t.uncertain, [rule.name for rule in t.fields])
            for t in find_in(tensors, entry["config"])
        ]
    return out


def main() -> None:
    """Move every weight, count what changes, print."""
    census = json.loads(TARGET.read_text(encoding="utf-8"))
    before = readings(census)
    names = [name for name, value in vars(weights).items() if name.isupper() and isinstance(value, int | float)]
    for name in names[: names.index("LARGEST_KERNEL")]:
        value = getattr(weights, name)
        tried = sorted({type(value)(value + step * (4 if abs(value) > 8 else 1)) for step in STEPS} - {value})
        counts = []
        for other in tried:
            setattr(weights, name, other)
            try:
                after = readings(census)
            except (ArithmeticError, ValueError):
                continue
            different = [each for each in before if before[each] != after[each]]
            counts.append(f"{other:g}: {len(different)}" + (f" ({different[0]})" if different else ""))
        setattr(weights, name, value)
        print(f"{name} = {value:g}; {', '.join(counts)}")


if __name__ == "__main__":
    main()
