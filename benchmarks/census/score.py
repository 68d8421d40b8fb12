"""Score `find_tables` against the truth of `truth.json`, on small saved models of every architecture.

Run: python -m benchmarks.census.score [--only bert,vit] [--jobs 2]

Prints recall and precision, of the architectures that were set aside apart, every miss, and every table whose
reserved, prefix or suffix rows or grid are not those that the model's behavior shows.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.census import build
from benchmarks.census.split import held_out
from posembed import find_tables

HERE = Path(__file__).parent
SECONDS = 240
Record = dict[str, Any]


def found_in(model_type: str, level: int) -> Record:
    """What `find_tables` says of one small saved model."""
    with tempfile.TemporaryDirectory() as folder:
        build.save_small(model_type, folder, level=level)
        return {table.key: table.to_dict() | {"file": ""} for table in find_tables(folder)}


def guarded(model_type: str, level: int, file: Path) -> None:
    """One architecture in a process of its own, with a time limit."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
    signal.alarm(SECONDS)
    file.write_text(json.dumps(found_in(model_type, level)))
    os._exit(0)


def compare(truth: Record, found: Record) -> dict[str, list[str]]:
    """Hits, misses, false finds and wrong layouts of one architecture."""
    tables = truth.get("tables", {})
    unresolved = {entry.get("key", name) for name, entry in truth.get("unresolved", {}).items()}
    out: dict[str, list[str]] = {"hit": [], "missed": [], "false": [], "layout": [], "open": []}
    said = {key: table for key, table in found.items() if table["refused"] is None}
    for key, table in tables.items():
        if key not in said:
            why = found.get(key, {}).get("refused", "not looked at")
            out["missed"].append(f"{key} {table['shape']} ({table['kind']}): {why}")
            continue
        out["hit"].append(key)
        mine = said[key]
        for name in ("reserved", "prefix", "suffix") if table["kind"] in ("sequence", "grid") else ():
            if name in table and table[name] is not None and mine[name] != table[name]:
                out["layout"].append(f"{key}: {name} {mine[name]}, behavior shows {table[name]}")
        grid = table.get("grid")
        if grid and len(grid) == 2 and mine["grid"] is not None and list(grid) != mine["grid"]:
            out["layout"].append(f"{key}: grid {mine['grid']}, behavior shows {grid}")
    for key, mine in said.items():
        if key not in tables:
            # What the probe could not reach is no evidence against a table.
            open_question = key not in truth.get("not_tables", {}) or any(
                key.endswith(name) or name.endswith(key) for name in unresolved
            )
            out["open" if open_question else "false"].append(f"{key} {mine['shape']} ({mine['kind']})")
    return out


def main() -> None:
    """Walk, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, default=HERE / "truth.json")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "census-found")
    parser.add_argument("--only", default="")
    parser.add_argument("--held-out", choices=("include", "only", "exclude"), default="include")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="look at every architecture anew")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    truth: dict[str, Record] = json.loads(options.truth.read_text())
    only = [name for name in options.only.split(",") if name]
    chosen = [
        name
        for name, record in truth.items()
        if record["status"] == "ok"
        and (name in only if only else options.held_out == "include" or held_out(name) == (options.held_out == "only"))
    ]
    levels = {name: build.LEVELS.index(truth[name].get("level", build.LEVELS[0])) for name in chosen}
    todo = [name for name in chosen if options.fresh or only or not (options.work / f"{name}.json").exists()]
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda name: guarded(name, levels[name], options.work / f"{name}.json"), todo))
    totals = {
        group: dict.fromkeys(("hit", "missed", "false", "layout", "open"), 0) for group in ("studied", "held out")
    }
    failed = []
    for name in chosen:
        file = options.work / f"{name}.json"
        if not file.exists():
            failed.append(name)
            continue
        group = "held out" if held_out(name) else "studied"
        for kind, items in compare(truth[name], json.loads(file.read_text())).items():
            totals[group][kind] += len(items)
            for item in items if kind != "hit" else ():
                print(f"{kind:7s} {'*' if held_out(name) else ' '} {name}: {item}")
    for group, counts in totals.items():
        hits = counts["hit"]
        recall = hits / max(1, hits + counts["missed"])
        precision = hits / max(1, hits + counts["false"])
        print(
            f"{group}: {hits + counts['missed']} tables; recall {recall:.3f}, precision {precision:.3f}; "
            f"layouts wrong {counts['layout']}; open questions {counts['open']}"
        )
    without = sum(record["status"] != "ok" for record in truth.values())
    print(f"{len(chosen)} architectures, {without} without truth, {failed} failed")


if __name__ == "__main__":
    main()
