"""Ask the probe of ``posembed inspect --run`` for ends that are known.

Run: python -m benchmarks.trained_range.effective all-MiniLM-L6-v2 [--models 10]

Each time, the rows from an end on are replaced by what an initialization leaves: numbers of standard deviation 0.02, as
BERT's, or zeros. The ends are drawn from the model's number, below 140, since the model itself works alike up to about
156. Only the curve of short texts is read, as the command does.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from posembed.checkpoint.source import open_checkpoint
from posembed.find.found import FoundTable
from posembed.find.search import find_tables
from posembed.hardware import environment
from posembed.quality.behavior.curve import curve_tokens, read_curve
from posembed.quality.behavior.effective_range import effective_range
from posembed.quality.behavior.live_table import LiveTable
from posembed.quality.behavior.loaded import Loaded, load
from posembed.quality.behavior.probe import TEXTS, text_reader
from posembed.quality.behavior.short_texts import ShortTexts, read_short_texts
from posembed.quality.behavior.trained import trained_by_both
from posembed.tables.trained_range.detect import trained_range

RESULTS = Path(__file__).with_name("effective.json")
CLOSE = 0.2  # of the true end
LEAST, MOST = 40, 140  # ends that are drawn
INITIAL = 0.02  # BERT's initializer_range
KINDS = ("normal", "zeros")


class KnownEnd(LiveTable):
    """A table whose rows from an end on are those of an initialization."""

    def __init__(self, loaded: Loaded, table: FoundTable, end: int, kind: str, seed: int) -> None:
        super().__init__(loaded.model, loaded.checkpoint, table)
        rows = self._tables[0].copy()
        untrained = rows[table.layout.position_rows][end:]
        noise = np.random.default_rng([20261128, seed]).normal(scale=INITIAL, size=untrained.shape)
        untrained[:] = noise if kind == "normal" else 0.0
        self._tables = [rows]
        self._before = torch.from_numpy(rows)


def judge(loaded: Loaded, table: FoundTable, texts: ShortTexts, number: int) -> dict[str, Any]:
    """One end: the truth, the probe's answer, the table's, and that of both."""
    end = int(np.random.default_rng([20261128, number]).integers(LEAST, MOST))
    kind = KINDS[number % len(KINDS)]
    live = KnownEnd(loaded, table, end, kind, number)
    before = live.tensor.detach().clone()
    tokens, begun = curve_tokens(table.usable_length), time.process_time()
    found = effective_range(read_curve(text_reader(loaded, live, texts, tokens, 0), table.usable_length, tokens))
    seconds = time.process_time() - begun
    with torch.no_grad():
        live.tensor.copy_(before)
    alone = trained_range(live.positions)
    both = trained_by_both(alone, found)
    return {
        "number": number,
        "untrained": kind,
        "true_end": end,
        "verdict": found.verdict,
        "end": found.end,
        "close": found.end is not None and abs(found.end - end) <= CLOSE * end,
        "table": {"verdict": alone.verdict, "end": alone.end},
        "both": {"verdict": both.verdict, "end": both.end},
        "seconds": round(seconds, 1),
    }


def print_results(judged: list[dict[str, Any]]) -> None:
    """Print a line per end, and how often the probe is within a fifth of it."""
    for each in judged:
        at = "" if each["end"] is None else f" at {each['end']}"
        print(
            f"{each['untrained']:6} from {each['true_end']:3}: probe {each['verdict']}{at}, "
            f"table {each['table']['verdict']} {each['table']['end'] or ''}"
        )
    print(f"within 20 %: {sum(each['close'] for each in judged)} of {len(judged)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--models", type=int, default=10)
    given = parser.parse_args()
    checkpoint = open_checkpoint(given.checkpoint)
    loaded = load(checkpoint)
    (table,) = [each for each in find_tables(checkpoint) if each.is_text_sequence]
    texts = read_short_texts(checkpoint.root, "stdlib", TEXTS, curve_tokens(table.usable_length), 1000, 0)
    judged = []
    for number in range(given.models):
        judged.append(judge(loaded, table, texts, number))
        print(judged[-1], flush=True)
    print_results(judged)
    document = {"environment": environment("cpu"), "checkpoint": given.checkpoint.name, "ends": judged}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
