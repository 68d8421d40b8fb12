"""An embedding model made longer by a method that a search for passkeys chose, on documents that it never saw.

    hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir all-MiniLM-L6-v2
    python -m benchmarks.long_inputs all-MiniLM-L6-v2                   (up to 30 minutes on 2 idle cores; writes KEPT)
    python -m benchmarks.long_inputs --tables                           (prints the page's tables from KEPT)

The first command does what `posembed extend CHECKPOINT … --to 4096 --method mean --range 160 --keep 1` and
`posembed evaluate … --original CHECKPOINT --documents 400 --tasks passkey` do, and evaluates the other tasks at two
lengths. KEPT also has the candidates of the search of version 0.1, which chose that method by counting passkeys; the
search of today is judged by real texts.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.pages import accuracy_rows, keep, load, print_table
from posembed import evaluate, extend_checkpoint
from posembed.observer import Callbacks
from posembed.records.evaluate import Task

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "minilm.json"
LENGTH = 4096
METHOD, RANGE, KEEP = "mean", 160, 1  # what the search chose: "chosen" in KEPT
DOCUMENTS = 400  # four pools, so every filler of the test set
OTHERS: tuple[Task, ...] = ("needle", "paragraph")
OTHER_LENGTHS = (512, 1024)


def measure(checkpoint: str) -> dict[str, Any]:
    """Extend by the method that was chosen, and evaluate."""

    def tell(sentence: str) -> None:
        print(sentence, file=sys.stderr)

    watch = Callbacks(message=tell)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "long"
        extend_checkpoint(checkpoint, out, LENGTH, method=METHOD, range=RANGE, keep=KEEP, observer=watch)
        found = {
            "evaluation": evaluate(
                out, original=checkpoint, tasks=["passkey"], documents=DOCUMENTS, observer=watch
            ).to_dict(),
            "others": evaluate(out, original=checkpoint, tasks=OTHERS, lengths=OTHER_LENGTHS, observer=watch).to_dict(),
        }
    for each in found.values():
        each |= {"checkpoint": "the extended copy", "original": Path(checkpoint).name}
    return found


def swept_rows(kept: dict[str, Any]) -> list[list[str]]:
    """Method, range, other options, documents and accuracy at each length of every candidate."""
    rows = []
    for c in kept["swept"]:
        others = ", ".join(f"{name} {value}" for name, value in c["options"].items() if name != "range") or "–"
        values = [f"{value:.3f}" for value in c["accuracy"].values()]
        rows.append([c["method"], str(c["options"]["range"]), others, str(c["documents"]), *values])
    return rows


def print_tables(kept: dict[str, Any]) -> None:
    lengths = kept["evaluation"]["configuration"]["lengths"]
    print_table(["method", "range", "options", "documents", *kept["swept"][0]["accuracy"]], swept_rows(kept))
    print_table(["passkey", *lengths], accuracy_rows(kept["evaluation"], "passkey"))
    for task in OTHERS:
        print_table([task, *OTHER_LENGTHS], accuracy_rows(kept["others"], task))
    print("\n".join([*kept["chosen"]["why"], *kept["evaluation"]["verdict"], *kept["others"]["verdict"]]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--tables", action="store_true")
    arguments = parser.parse_args()
    if not arguments.tables:
        if arguments.checkpoint is None:
            parser.error("name a checkpoint, or --tables")
        keep(KEPT, measure(arguments.checkpoint))
    print_tables(load(KEPT))


if __name__ == "__main__":
    main()
