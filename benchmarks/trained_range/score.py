"""What the library says of each table of the study, against what is known of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from benchmarks.trained_range.recipes import RANGED, REGIMES, Recipe
from posembed.tables.trained_range.detect import trained_range

CLOSE = 0.1  # of the true end
MOVED = 0.5  # of the initial rows' size: trained rows that moved less are hardly trained


def judge(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """One table: truth, verdict, and whether they agree."""
    stored = load_file(folder / f"{recipe.name}.safetensors")
    before, after, seen = stored["initial"], stored["position"], stored["seen"]
    found = trained_range(after)
    if recipe.regime in RANGED:
        near = found.end is not None and abs(found.end - recipe.end) <= CLOSE * recipe.end
        outcome: str = "right" if near else "wrong end" if found.verdict == "ends" else found.verdict
    else:
        outcome = "false end" if found.verdict == "ends" else found.verdict
    size = float(np.sqrt((before**2).sum(axis=1).mean()))
    moved = np.linalg.norm(after - before, axis=1)[: recipe.end]
    return {
        "recipe": recipe.to_json(),
        "split": recipe.split,
        "seen_past_end": int(seen[recipe.end]) if recipe.end < recipe.rows else None,
        "moved": round(float(np.median(moved)) / size, 3) if size > 0 else None,
        "verdict": found.verdict,
        "end": found.end,
        "outcome": outcome,
    }


def print_scores(judged: list[dict[str, Any]]) -> None:
    """Outcomes by split and regime, then precision and recall."""
    for split in ("tune", "seen", "held-out"):
        part = [each for each in judged if each["split"] == split]
        if not part:
            continue
        print(f"\n{split}: {len(part)} tables")
        for regime in REGIMES:
            counts = Counter(each["outcome"] for each in part if each["recipe"]["regime"] == regime)
            if counts:
                print(f"  {regime:10s}", ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
        hard = [each for each in part if each["recipe"]["regime"] in RANGED and each["recipe"]["regime"] != "rare"]
        for name, tables in (
            ("never reached past the end", hard),
            (f"… trained rows moved ≥ {MOVED} of their size", [each for each in hard if _moved(each)]),
            ("reached past it by rare sequences", [e for e in part if e["recipe"]["regime"] == "rare"]),
        ):
            right = sum(each["outcome"] == "right" for each in tables)
            claimed = sum(each["verdict"] == "ends" for each in tables)
            unknown = sum(each["verdict"] == "unknown" for each in tables)
            print(
                f"  {name}: recall {right} of {len(tables)} (end within 10 %), precision {right} of {claimed} claimed, "
                f"unknown {unknown}"
            )
        whole = [each for each in part if each["recipe"]["regime"] == "packed"]
        false = sum(each["verdict"] == "ends" for each in whole)
        unknown = sum(each["verdict"] == "unknown" for each in whole)
        print(f"  trained whole: a false end for {false} of {len(whole)}; unknown {unknown}")


def _moved(each: dict[str, Any]) -> bool:
    return each["moved"] is None or each["moved"] >= MOVED
