"""Print what `roundtrip` found out, as Markdown: the counts, every architecture, and why each that does not run.

Run: python -m benchmarks.census.outcomes DIRECTORY [FURTHER ...]

The directories are those of `roundtrip --work`; of an architecture that is in several, the last one counts.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

KINDS = ("sequence", "grid", "axis", "time")


def read(folders: list[Path]) -> dict[str, dict[str, Any]]:
    """Read the outcomes by architecture."""
    found: dict[str, dict[str, Any]] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.json")):
            result = json.loads(file.read_text())
            found[result["model_type"]] = result
    return dict(sorted(found.items()))


def how(result: dict[str, Any]) -> str:
    """Say whether the whole model ran or a part of it."""
    said = [result[kind] for kind in KINDS if kind in result]
    return "in a part" if any("its part" in each for each in said) else "whole"


def reason(result: dict[str, Any]) -> str:
    """Say why an architecture is not called "loads and runs"."""
    worst = [result[kind] for kind in KINDS if kind in result and not result[kind].startswith("loads and runs")]
    said = "; ".join(each.partition(": ")[2] for each in worst) or result.get("reason", "")
    return " ".join(said.replace("this extension is not supported: ", "").split())


def main() -> None:
    """Print the tables."""
    results = read([Path(name) for name in sys.argv[1:]])
    counts = Counter(result["status"] for result in results.values())
    ran = [name for name, result in results.items() if result["status"] == "loads and runs"]
    print(f"{len(results)} architectures: {', '.join(f'{count} {status}' for status, count in counts.most_common())}.")
    for place in ("whole", "in a part"):
        names = [name for name in ran if how(results[name]) == place]
        print(f"\n**Loads and runs, {place}** ({len(names)}): {', '.join(names)}.")
    print("\n| architecture | outcome | reason |\n| --- | --- | --- |")
    for name, result in results.items():
        if name not in ran:
            print(f"| {name} | {result['status']} | {reason(result)} |")


if __name__ == "__main__":
    main()
