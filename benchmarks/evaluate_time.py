"""What the baselines of `posembed evaluate` cost: its time, compared with that of the three passes that it once made.

    posembed extend all-MiniLM-L6-v2 long-MiniLM --to 1024 --method mean --range 160 --keep 1
    python -m benchmarks.evaluate_time long-MiniLM --original all-MiniLM-L6-v2 [--documents 100] [--rounds 3]

Version 0.2 embedded the documents with the checkpoint, cut to the original's length, and in chunks of that length, and
knew no other baseline. Both are run in turn in one process, on the same documents, queries and models.
"""

import argparse

import numpy as np

from benchmarks.timing import alternate, print_header, print_medians, ratio
from posembed.hardware import resolve_precision
from posembed.quality.evaluate.lexical import missing_bm25
from posembed.quality.evaluate.passes import Models, Passes
from posembed.quality.evaluate.ranking import hits, measure_cells
from posembed.quality.evaluate.systems import systems
from posembed.quality.models.embedding import load_embedder
from posembed.quality.models.position_table import usable_length
from posembed.quality.tasks.retrieval_set import make_set
from posembed.quality.texts import load_texts

TASK = "needle"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--original", required=True)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--documents", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    precision = resolve_precision("auto", "cpu")
    checkpoint, original = (load_embedder(path, precision=precision) for path in (given.checkpoint, given.original))
    models = Models(checkpoint, original, usable_length(given.checkpoint), usable_length(given.original))
    texts = [checkpoint.encode(text) for text in load_texts("stdlib")["test"]]
    made = make_set(
        TASK, given.length, checkpoint.encode, texts, documents=given.documents, pool=given.documents,
        special=checkpoint.special,
    )  # fmt: skip
    by = systems(models, bm25=missing_bm25() is None)

    def before() -> None:
        queries, own = original.embed(made.queries), checkpoint.embed(made.queries)
        old = models.original_usable
        hits(made, checkpoint.embed(made.documents), own)
        hits(made, original.embed_truncated(made.documents, old), queries)
        hits(made, original.embed_chunked(made.documents, old), queries)

    def now() -> None:
        cells = measure_cells(TASK, given.length, made, Passes(made.documents, made.queries, models), by)
        for cell in cells:
            print(
                f"  {cell.system:22s} {np.mean(cell.hits):.3f}   {cell.cost.vectors or 0:4.1f} vectors per document   "
                f"{cell.cost.query_ms:7.3f} ms per query"
            )

    print_header(f"posembed evaluate, {given.documents} documents of {given.length} tokens, {precision}", 0)
    seconds = alternate({"now": now, "before": before}, given.rounds, warmup=0)
    print(f"time with all baselines / with the three passes = {ratio(seconds, 'now', 'before'):.3f}")
    print_medians(seconds)


if __name__ == "__main__":
    main()
