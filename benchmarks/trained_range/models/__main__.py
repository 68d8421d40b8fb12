"""Train small models whose trained range is known, keep them, and score what table, weights and behavior tell.

Run: python -m benchmarks.trained_range.models [--split new] [--out runs/trained-range-models]

Models that are in --out already are not trained again. Every choice was made on the 30 models of the split `tune`.
Those of `held-out` were scored once after that; their one false end led to the rule that an end of the table must lie
where the weights allow it. Those of `new` were scored once after that.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from benchmarks.trained_range.models.recipes import SPLITS, model_recipe, numbers_of
from benchmarks.trained_range.models.score import judge, print_scores
from benchmarks.trained_range.models.train import model_of
from posembed.corpus import load_corpus
from posembed.hardware import environment

RESULTS = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=SPLITS, default="new")
    parser.add_argument("--out", type=Path, default=Path("runs/trained-range-models"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    corpus = load_corpus("stdlib")
    folders = [model_of(model_recipe(number), corpus, given.out) for number in numbers_of(given.split)]
    judged = [judge(folder) for folder in folders]
    print_scores(judged)
    document = {"environment": environment("cpu"), "models": judged}
    results = RESULTS / f"{given.split}.json"
    results.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"Results: {results}")


if __name__ == "__main__":
    main()
