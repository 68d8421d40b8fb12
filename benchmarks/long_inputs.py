"""An embedding model made longer by posembed itself, judged on documents that choosing never saw.

    hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir all-MiniLM-L6-v2
    python -m benchmarks.long_inputs all-MiniLM-L6-v2                   (about 30 minutes on 2 idle cores; writes KEPT)
    python -m benchmarks.long_inputs all-MiniLM-L6-v2 --length-aware    (likewise, with length-aware tables)
    python -m benchmarks.long_inputs --tables                           (prints the page's tables from KEPT)

The first command does what `posembed extend CHECKPOINT … --to 4096 --data stdlib` and
`posembed evaluate … --original CHECKPOINT --documents 400 --tasks passkey` do, and evaluates the other tasks at two
lengths; the second does the same with `--length-aware`.
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
DOCUMENTS = 400  # four pools, so every filler of the test set
OTHERS: tuple[Task, ...] = ("needle", "paragraph")
OTHER_LENGTHS = (512, 1024)


def measure(checkpoint: str, *, length_aware: bool) -> dict[str, Any]:
    """Extend by the search on validation data, and evaluate."""

    def tell(sentence: str) -> None:
        print(sentence, file=sys.stderr)

    watch = Callbacks(message=tell)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "long"
        plan = extend_checkpoint(checkpoint, out, LENGTH, data="stdlib", length_aware=length_aware, observer=watch)
        found = {
            "evaluation": evaluate(
                out, original=checkpoint, tasks=["passkey"], documents=DOCUMENTS, observer=watch
            ).to_dict(),
            "others": evaluate(out, original=checkpoint, tasks=OTHERS, lengths=OTHER_LENGTHS, observer=watch).to_dict(),
        }
    for each in found.values():
        each |= {"checkpoint": "the extended copy", "original": Path(checkpoint).name}
    (change,), choice = plan.tables, plan.choice
    assert choice is not None
    chosen = {"method": change.method, "options": change.options, "short": choice.short, "why": list(choice.why)}
    return {"chosen": chosen, "swept": [candidate.to_dict() for candidate in choice.swept]} | found


def swept_rows(kept: dict[str, Any]) -> list[list[str]]:
    """Method, range, other options, documents and accuracy at each length of every candidate."""
    rows = []
    for c in kept["swept"]:
        others = ", ".join(f"{name} {value}" for name, value in c["options"].items() if name != "range") or "–"
        values = [f"{value:.3f}" for value in c["accuracy"].values()]
        rows.append([c["method"], str(c["options"]["range"]), others, str(c["documents"]), *values])
    return rows


def print_tables(kept: dict[str, Any]) -> None:
    for part in (kept, kept.get("by_length")):
        if part is None:
            continue
        lengths = part["evaluation"]["configuration"]["lengths"]
        print_table(["method", "range", "options", "documents", *part["swept"][0]["accuracy"]], swept_rows(part))
        print_table(["passkey", *lengths], accuracy_rows(part["evaluation"], "passkey"))
        for task in OTHERS:
            print_table([task, *OTHER_LENGTHS], accuracy_rows(part["others"], task))
        print(
            "\n".join([*part["chosen"]["why"], *part["evaluation"]["verdict"], *part["others"]["verdict"]]), end="\n\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--length-aware", action="store_true")
    parser.add_argument("--tables", action="store_true")
    arguments = parser.parse_args()
    if not arguments.tables:
        if arguments.checkpoint is None:
            parser.error("name a checkpoint, or --tables")
        found = measure(arguments.checkpoint, length_aware=arguments.length_aware)
        keep(KEPT, {"by_length": found} if arguments.length_aware else found)
    print_tables(load(KEPT))


if __name__ == "__main__":
    main()
