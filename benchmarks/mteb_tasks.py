"""posembed's tasks, run by mteb: its BM25, and checkpoints.

    python -m benchmarks.mteb_tasks NAME=CHECKPOINT … --results FOLDER    (adds to KEPT)
    python -m benchmarks.mteb_tasks --tables                             (prints the tables from KEPT)

Needs ``pip install "posembed[mteb]" PyStemmer``. What is in FOLDER is not run again. Documents are made from the
standard library, 100 for each split, or as many as there are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.pages import keep, load, print_table
from posembed.hardware import environment
from posembed.records.evaluate import Task

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "mteb.json"
TASKS: tuple[Task, ...] = ("title", "section", "needle", "passkey")
BM25 = "mteb/baseline-bm25s"


def measure(checkpoints: dict[str, str], results: Path) -> dict[str, dict[str, Any]]:
    """Return the main scores of every system, by task and split."""
    import mteb

    from posembed.integrations.mteb import local_tasks, run

    tasks = local_tasks(tasks=TASKS)
    found = {"BM25, by mteb": mteb.evaluate(mteb.get_model(BM25), tasks, cache=mteb.ResultCache(results))}
    found |= {name: run(path, tasks, results=results) for name, path in checkpoints.items()}
    return {name: _scores(each) for name, each in found.items()}


def _scores(found: Any) -> dict[str, dict[str, float]]:
    return {
        task.task_name: {split: round(values[0]["main_score"], 3) for split, values in task.scores.items()}
        for task in found.task_results
    }


def tables(kept: dict[str, Any]) -> None:
    """Print a table for each task."""
    systems = kept["systems"]
    for task in (f"Posembed{name.capitalize()}" for name in TASKS):
        splits = next(iter(systems.values()))[task]
        rows = [[name, *(f"{scores[task][split]:.2f}" for split in splits)] for name, scores in systems.items()]
        print_table([task, *(split.removeprefix("words_") for split in splits)], rows)


def main() -> None:
    """Measure, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="*", metavar="NAME=CHECKPOINT")
    parser.add_argument("--results", type=Path, help="folder of mteb's results")
    parser.add_argument("--tables", action="store_true")
    given = parser.parse_args()
    if not given.tables:
        if given.results is None:
            parser.error("name the folder of --results, or give --tables")
        systems = measure(dict(each.split("=", 1) for each in given.checkpoints), given.results)
        keep(KEPT, {"systems": load(KEPT).get("systems", {}) | systems, "environment": environment("cpu")})
    tables(load(KEPT))


if __name__ == "__main__":
    main()
