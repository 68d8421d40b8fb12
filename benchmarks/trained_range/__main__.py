"""Train tables whose trained range is known, and score what the library says of it.

Run: python -m benchmarks.trained_range [--tables 280] [--split all] [--jobs 2] [--out runs/trained-range]

Tables that are in --out already are not trained again. Every choice in `posembed.tables.trained_range` was made on the
tables of the split `tune`. Those of `seen` were scored as held-out tables, 60 and then 100, and led to one rule's being
tightened and then removed (an end told from an abrupt step alone). Those of `held-out` were trained after that, and
scored once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.trained_range.recipes import recipe
from benchmarks.trained_range.score import judge, print_scores
from benchmarks.trained_range.train import table_of
from posembed.corpus import load_corpus
from posembed.hardware import environment

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=280)
    parser.add_argument("--split", choices=("tune", "seen", "held-out", "all"), default="all")
    parser.add_argument("--jobs", type=int, default=1, help="processes that train side by side")
    parser.add_argument("--out", type=Path, default=Path("runs/trained-range"))
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    wanted = [each for each in map(recipe, range(given.tables)) if given.split in ("all", each.split)]
    if given.part is not None:
        torch.set_num_threads(1)
        corpus = load_corpus("stdlib")
        for each in wanted[given.part :: given.jobs]:
            table_of(each, corpus, given.out)
        return
    settings = [
        "--tables",
        str(given.tables),
        "--split",
        given.split,
        "--jobs",
        str(given.jobs),
        "--out",
        str(given.out),
    ]
    command = [sys.executable, "-m", "benchmarks.trained_range", *settings, "--part"]
    parts = [subprocess.Popen([*command, str(part)]) for part in range(given.jobs)]
    if any(part.wait() for part in parts):
        sys.exit("a table could not be trained")
    judged = [judge(each, given.out) for each in wanted]
    print_scores(judged)
    if given.split == "all":
        document = {"environment": environment("cpu"), "tables": judged}
        RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(f"Results: {RESULTS}")


if __name__ == "__main__":
    main()
