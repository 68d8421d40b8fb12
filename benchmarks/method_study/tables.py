"""The study's tables, as the page shows them."""

from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[2] / "docs" / "measured" / "methods.json"


def language_rows(part: dict[str, Any]) -> list[list[str]]:
    """Method, loss within and past the old length, share of the gap closed, context gain with its corrected p."""
    return [
        [
            cell["method"],
            f"{cell['loss_within']['mean']:.3f}",
            f"{cell['loss']['mean']:.3f}",
            _interval(cell["recovered"], 2),
            _interval(cell["context_gain"], 3, sign=True),
            f"{cell['context_gain']['p_holm']:.2g}",
        ]
        for cell in part["cells"]
    ]


def optimum_rows(part: dict[str, Any]) -> list[list[str]]:
    """Start, loss past the old length, context gain."""
    return [
        [cell["start"], _interval(cell["loss"], 3), _interval(cell["context_gain"], 3, sign=True)]
        for cell in part["cells"]
    ]


def embedding_rows(part: dict[str, Any]) -> list[list[str]]:
    """Method, accuracy at each length, and short inputs: cosine, rank correlation, equal vectors."""
    lengths = list(dict.fromkeys(cell["length"] for cell in part["cells"]))
    cells = {(cell["method"], cell["length"]): cell["accuracy"] for cell in part["cells"]}
    rows = []
    for name in dict.fromkeys(cell["method"] for cell in part["cells"]):
        short = part["short"].get(name, {}).get(str(lengths[0]))
        told = ["–", "–", "–"]
        if short is not None:
            told = [f"{short['cosine']['mean']:.3f}", f"{short['rank_correlation']:.3f}", str(short["equal"])]
        rows.append([name, *(_interval(cells[name, length], 3) for length in lengths), *told])
    return rows


def _interval(found: dict[str, float], digits: int, *, sign: bool = False) -> str:
    mean = f"{found['mean']:{'+' if sign else ''}.{digits}f}"
    return f"{mean} ({found['low']:.{digits}f} to {found['high']:.{digits}f})".replace("-", "−")


def print_tables(kept: dict[str, Any]) -> None:
    """All tables in Markdown."""
    for part in (*kept.get("language_bytes", ()), *kept.get("language_words", ())):
        short = part["short"]
        print(f"\n{part['kind']}, {part['data']}: {part['documents']} documents; {part['calibrated']}\n")
        _print(
            ["", f"loss below {short}", f"loss from {short} on", "gap closed", "context gain", "p"], language_rows(part)
        )
    if "optimum_words" in kept:
        print()
        _print(["start", "loss from 8 on", "context gain"], optimum_rows(kept["optimum_words"]))
    if "embedding" in kept:
        print()
        _print(["", "1024", "2048", "cosine", "rank correlation", "equal of 200"], embedding_rows(kept["embedding"]))


def _print(header: list[str], rows: list[list[str]]) -> None:
    print(f"| {' | '.join(header)} |\n| {' | '.join(['---'] + ['---:'] * (len(header) - 1))} |")
    for row in rows:
        print(f"| {' | '.join(row)} |")
