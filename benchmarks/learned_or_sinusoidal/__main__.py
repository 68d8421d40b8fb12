"""Learned against sinusoidal positions, each tuned alike: two corpora, bytes and word pieces, two sizes, five seeds.

    python -m benchmarks.real_texts.corpora corpora
    python -m benchmarks.learned_or_sinusoidal OUT --manuals corpora/web [--minutes N]
    python -m benchmarks.learned_or_sinusoidal --tables       (prints the tables from what is kept)

Every finished run is kept in OUT, and the same command resumes from there; --keep gathers them in the file of the
tables. Each arm of a cell chooses its learning rate and the size of its rows on validation documents, by the same
search and from as many settings; then both are trained with the same seeds, data order and other initial weights, and
compared on test documents. About 75 minutes on one core.
"""

from __future__ import annotations

import argparse
import math
from itertools import product
from pathlib import Path

import torch

from benchmarks.learned_or_sinusoidal.kept import KEPT, read, write
from benchmarks.learned_or_sinusoidal.plan import CELLS, CORPORA, UNITS
from benchmarks.learned_or_sinusoidal.study import Store, Trainings, run_stages, tuned_cells
from benchmarks.learned_or_sinusoidal.tables import print_tables
from benchmarks.learned_or_sinusoidal.texts import Texts
from benchmarks.learned_or_sinusoidal.train import counting_losses, windows_of
from posembed.hardware import environment, resolve_precision


def main() -> None:
    """Train, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--manuals", type=Path, help="folder of manuals, written by benchmarks.real_texts.corpora")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no run after this time")
    parser.add_argument("--part", default="1/1", help="K/N: the cells of the Kth of N processes that work side by side")
    parser.add_argument("--keep", action="store_true", help=f"gather the runs of OUT in {KEPT.name}, and train nothing")
    parser.add_argument("--tables", action="store_true", help="print the tables of what is kept, and train nothing")
    given = parser.parse_args()
    if not given.tables:
        if given.out is None or given.manuals is None:
            parser.error("name a folder and --manuals, or give --tables")
        torch.set_num_threads(1)
        texts, store = Texts(given.manuals, given.out / "tokenizers"), Store(given.out)
        if not given.keep:
            trainings = Trainings(store, texts, given.minutes)
            part, parts = map(int, given.part.split("/"))
            run_stages(trainings.find, tuned_cells(trainings.find, CELLS[part - 1 :: parts]))
            return
        keep_all(store, texts)
    print_tables(read())


def keep_all(store: Store, texts: Texts) -> None:
    """Gather all runs in the file that the tables are made from."""
    outcomes = store.all()
    corpora = {}
    for corpus, unit in product(CORPORA, UNITS):
        tokens, tokenizer = texts.load(corpus, unit)
        if {outcome.corpus_sha256 for outcome in outcomes if outcome.run.cell[:2] == (corpus, unit)} - {tokens.sha256}:
            raise SystemExit(
                f"{store.folder} has runs on other texts than {corpus}, {unit}: start with an empty folder"
            )
        corpora[f"{corpus}, {unit}"] = {
            "sha256": tokens.sha256,
            "tokenizer_sha256": tokenizer,
            "test_documents": windows_of("test", tokens).documents,
            "validation_documents": windows_of("validation", tokens).documents,
            **counting_losses(tokens),
        }
    about = {
        "environment": environment("cpu"),
        "precision": resolve_precision("auto", "cpu"),
        "corpora": corpora,
    }
    write(about, outcomes)


if __name__ == "__main__":
    main()
