"""What table, weights and behavior of each model tell of its trained range, against what is known of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.trained_range.models.train import TRUTH
from benchmarks.trained_range.recipes import RANGED
from benchmarks.trained_range.score import CLOSE, MOVED
from posembed.checkpoint.source import open_checkpoint
from posembed.find.search import find_tables
from posembed.quality.behavior.curve import curve_tokens, read_curve
from posembed.quality.behavior.effective_range import effective_range
from posembed.quality.behavior.live_table import LiveTable
from posembed.quality.behavior.loaded import load
from posembed.quality.behavior.probe import TEXTS, text_reader
from posembed.quality.behavior.short_texts import read_short_texts
from posembed.quality.behavior.trained import trained_by_both
from posembed.quality.behavior.weights import weights_beside
from posembed.tables.trained_range.by_weights import range_by_weights
from posembed.tables.trained_range.detect import trained_range

WITH_END = (*(name for name in RANGED if name != "rare"), "mixed")
WHOLE = ("packed", "gradual")
WAYS = ("table", "weights", "behavior", "both")


def judge(folder: Path) -> dict[str, Any]:
    """One model: truth, four verdicts, and whether they agree with it."""
    truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
    recipe = truth["recipe"]
    checkpoint = open_checkpoint(folder)
    loaded = load(checkpoint)
    (table,) = [each for each in find_tables(checkpoint) if each.is_text_sequence]
    live = LiveTable(loaded.model, checkpoint, table)
    begun = time.process_time()
    alone = trained_range(live.positions)
    weights = range_by_weights(live.positions, weights_beside(live))
    middle = time.process_time()
    tokens = curve_tokens(table.usable_length)
    texts = read_short_texts(checkpoint.root, "stdlib", TEXTS, tokens, 1000, 0)
    reading = time.process_time()
    found = effective_range(read_curve(text_reader(loaded, live, texts, tokens, 0), table.usable_length, tokens))
    seconds = (middle - begun, time.process_time() - reading)
    verdicts = {"table": alone, "weights": weights, "behavior": found, "both": trained_by_both(alone, found, weights)}
    return {
        "recipe": recipe,
        "moved": truth["moved"],
        "loss": truth["loss"],
        "seconds": [round(each, 2) for each in seconds],
        **{
            way: {"verdict": each.verdict, "end": each.end, "low": each.low, "high": each.high}
            | {"outcome": outcome(recipe, each.verdict, each.end)}
            for way, each in verdicts.items()
            if each is not None
        },
    }


def outcome(recipe: dict[str, Any], verdict: str, end: int | None) -> str:
    """Whether a verdict is right, and else what it is."""
    if recipe["regime"] in WHOLE:
        return "false end" if verdict == "ends" else "right" if verdict == "whole" else verdict
    near = end is not None and abs(end - recipe["end"]) <= CLOSE * recipe["end"]
    return "right" if near else "wrong end" if verdict == "ends" else verdict


def print_scores(judged: list[dict[str, Any]]) -> None:
    """Outcomes by what the model was trained on, and by what tells it."""
    ended = [each for each in judged if each["recipe"]["regime"] in WITH_END]
    moved = [each for each in ended if each["moved"] is None or each["moved"] >= MOVED]
    groups = {
        "all with an end": ended,
        f"whose trained rows moved ≥ {MOVED} of their size": moved,
        "reached past the end by rare sequences": [each for each in judged if each["recipe"]["regime"] == "rare"],
        "trained whole, every row alike": [each for each in judged if each["recipe"]["regime"] == "packed"],
        "lengths spread over the whole table": [each for each in judged if each["recipe"]["regime"] == "gradual"],
    }
    for name, group in groups.items():
        if not group:
            continue
        print(f"{name}: {len(group)}")
        for way in WAYS:
            counts = Counter(each[way]["outcome"] for each in group)
            print(f"  {way:9}", ", ".join(f"{word} {count}" for word, count in sorted(counts.items())))
    unknown = sum(each["both"]["verdict"] == "unknown" for each in judged)
    false = sum(each["both"]["outcome"] == "false end" for each in judged)
    print(f"both, of all {len(judged)}: unknown {unknown}, false ends {false}")
