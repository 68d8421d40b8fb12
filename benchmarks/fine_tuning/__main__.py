"""Extend, then fine-tune all weights: does the start of the new rows matter, and for how long?

    python -m benchmarks.real_texts.corpora corpora
    posembed calibrate MODEL calibrated --to 2048 --data corpora/web --length-aware --minutes 20
    python -m benchmarks.fine_tuning OUT --model MODEL --calibrated calibrated --corpora corpora [--minutes 100]
    python -m benchmarks.fine_tuning --tables [RESULTS]

The work of OUT is resumed, and ends after that many processor minutes in all. --tables prints the page's tables, from
the results that are kept with the page or from those of OUT.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.fine_tuning import classification, lab, retrieval
from benchmarks.fine_tuning.pairs import training_batches
from benchmarks.fine_tuning.rounds import Results, run
from benchmarks.fine_tuning.starts import Models
from benchmarks.fine_tuning.tables import KEPT, print_tables
from benchmarks.pages import load
from posembed.corpus import load_corpus

PARTS = ("lab", "classification", "retrieval", "rates")


def main() -> None:
    """Train and measure, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--calibrated", type=Path)
    parser.add_argument("--corpora", type=Path)
    parser.add_argument("--minutes", type=float, default=100.0, help="of processor time, earlier runs included")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--starts", nargs="+", default=(), help="only these, where another process does the others")
    parser.add_argument("--tables", nargs="?", type=Path, const=KEPT, metavar="RESULTS")
    given = parser.parse_args()
    if given.tables:
        print_tables(load(given.tables))
        return
    if given.out is None:
        parser.error("name a folder for the results, or --tables")
    results = Results(given.out, given.minutes)
    torch.set_num_threads(1)
    if "lab" in given.only:
        for each in lab.studies(load_corpus("stdlib"), given.out / "lab"):
            run(each, results, given.starts)
    if set(given.only) == {"lab"}:
        return
    if not (given.model and given.calibrated and given.corpora):
        parser.error("name --model, --calibrated and --corpora")
    models = Models(given.model, given.calibrated)
    if "classification" in given.only:
        _classification(models, given.corpora, results, given.starts)
    if set(given.only) & {"retrieval", "rates"}:
        _retrieval(models, given.corpora, results, given)


def _classification(models: Models, corpora: Path, results: Results, only: Sequence[str]) -> None:
    data = classification.Data(corpora, models.load(models.shipped))
    classification.baselines(data, results)
    run(classification.study(models, data), results, only)


def _retrieval(models: Models, corpora: Path, results: Results, given: argparse.Namespace) -> None:
    shipped = models.load(models.shipped)
    batches = training_batches(corpora / "web", shipped, retrieval.MARKS[-1], results.folder / "batches.json")
    if "retrieval" in given.only:
        asked = retrieval.Asked.of(corpora / "tools", shipped)
        run(retrieval.study(models, asked, batches), results, given.starts)
        retrieval.baselines(models, asked, results)
    if "rates" in given.only:
        retrieval.try_rates(models, batches, corpora / "web", results)


if __name__ == "__main__":
    main()
