"""Write the default configuration and the tensors of every studied architecture, small enough for the tests to keep.

Run: python -m benchmarks.census.defaults (needs transformers; writes tests/find/census_defaults.json)

Configurations are those of Transformers with numbers, sizes and types alone; shapes and what they mean are the truth of
``truth.json``, which was seen in the behavior of the models. Architectures that are held out are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "tests" / "find" / "census_defaults.json"
TEXTS = ("model_type", "positional_encoding_type")  # all other texts and all switches say nothing about sizes
MEANING = ("kind", "reserved", "prefix", "suffix")


def trimmed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that may be sizes, of the configuration and of its parts."""
    kept: dict[str, Any] = {}
    for name, value in config.items():
        if name in ("label2id", "id2label", "chunk_size_feed_forward"):
            continue
        if isinstance(value, dict):
            if value and (part := trimmed(value)):
                kept[name] = part
        elif name in TEXTS or (isinstance(value, int) and not isinstance(value, bool)):
            kept[name] = value
        elif isinstance(value, list | tuple) and 0 < len(value) < 5 and all(isinstance(n, int) for n in value):
            kept[name] = list(value)
    return kept


def main() -> None:
    """Write the file."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    truth = json.loads((HERE / "truth.json").read_text(encoding="utf-8"))
    lines = []
    for model_type, record in sorted(truth.items()):
        if record["status"] != "ok" or record["held_out"]:
            continue
        entry = {
            "config": trimmed(CONFIG_MAPPING[model_type]().to_dict()),
            "tables": {
                key: {"shape": table["default_shape"]} | {name: table.get(name) for name in MEANING}
                for key, table in record.get("tables", {}).items()
                if table.get("default_shape")
            },
            "not_tables": {
                key: other.get("default_shape") or other["shape"] for key, other in record.get("not_tables", {}).items()
            },
        }
        if entry["tables"] or entry["not_tables"]:
            lines.append(f"{json.dumps(model_type)}: {json.dumps(entry, separators=(',', ':'))}")
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{TARGET}: {len(lines)} architectures")


if __name__ == "__main__":
    main()
