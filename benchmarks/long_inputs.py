"""An embedding model made longer by posembed itself, judged on documents that choosing never saw.

    hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir all-MiniLM-L6-v2
    python -m benchmarks.long_inputs all-MiniLM-L6-v2 --to 4096     (about 20 minutes on 2 idle cores; writes KEPT)
    python -m benchmarks.long_inputs all-MiniLM-L6-v2 --choose      (chooses again; the evaluation stays where it can)
    python -m benchmarks.long_inputs --tables                       (prints the page's tables from KEPT)

The first command does what `posembed extend CHECKPOINT … --to N --data stdlib` and
`posembed evaluate … --original CHECKPOINT --tasks passkey --documents 400` do.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from posembed import evaluate, extend_checkpoint
from posembed.files import write_whole
from posembed.lab.choose import choose_method

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "minilm.json"
DOCUMENTS = 400  # four pools, so every filler of the test set


def measure(checkpoint: str, length: int, before: dict[str, Any]) -> dict[str, Any]:
    """Choose, and evaluate unless ``before`` has the evaluation of the same choice."""

    def tell(sentence: str) -> None:
        print(sentence, file=sys.stderr)

    chosen = choose_method(checkpoint, length, tell=tell)
    choice = {"method": chosen.method, "options": chosen.options, "why": list(chosen.why)}
    swept = {"chosen": choice, "swept": [candidate.to_dict() for candidate in chosen.swept]}
    if before and all(before["chosen"][name] == choice[name] for name in ("method", "options")):
        return before | swept
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "long"
        extend_checkpoint(checkpoint, out, length, method=chosen.method, **chosen.options)
        found = evaluate(out, original=checkpoint, tasks=["passkey"], documents=DOCUMENTS, tell=tell)
    found |= {"checkpoint": "the extended copy", "original": Path(checkpoint).name}
    return swept | {"evaluation": found}


def swept_rows(kept: dict[str, Any]) -> list[list[str]]:
    """Method, range, other options, documents and accuracy at each length of every candidate."""
    rows = []
    for c in kept["swept"]:
        others = ", ".join(f"{name} {value}" for name, value in c["options"].items() if name != "range") or "–"
        values = [f"{value:.3f}" for value in c["accuracy"].values()]
        rows.append([c["method"], str(c["options"]["range"]), others, str(c["documents"]), *values])
    return rows


def accuracy_rows(kept: dict[str, Any]) -> list[list[str]]:
    """System, and accuracy with its interval at each length."""
    cells = {(c["system"], c["length"]): c["accuracy"] for c in kept["evaluation"]["cells"]}
    lengths = kept["evaluation"]["configuration"]["lengths"]
    return [
        [system, *(f"{a['mean']:.3f} ({a['low']:.3f} to {a['high']:.3f})" for a in (cells[system, n] for n in lengths))]
        for system in dict.fromkeys(system for system, _ in cells)
    ]


def print_tables(kept: dict[str, Any]) -> None:
    lengths = kept["evaluation"]["configuration"]["lengths"]
    for header, rows in (
        (["method", "range", "options", "documents", *kept["swept"][0]["accuracy"]], swept_rows(kept)),
        (["", *map(str, lengths)], accuracy_rows(kept)),
    ):
        print(f"| {' | '.join(header)} |\n| {' | '.join(['---'] + ['---:'] * (len(header) - 1))} |")
        for row in rows:
            print(f"| {' | '.join(row)} |")
        print()
    print("\n".join([*kept["chosen"]["why"], *kept["evaluation"]["verdict"]]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--to", type=int, default=4096)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--tables", action="store_true")
    arguments = parser.parse_args()
    if not arguments.tables:
        if arguments.checkpoint is None:
            parser.error("name a checkpoint, or --tables")
        before = json.loads(KEPT.read_text(encoding="utf-8")) if arguments.choose else {}
        kept = measure(arguments.checkpoint, arguments.to, before)
        write_whole(KEPT, lambda path: path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8"))
    print_tables(json.loads(KEPT.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
