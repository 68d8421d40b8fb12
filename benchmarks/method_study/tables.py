"""The study's tables, as the page shows them."""

from pathlib import Path
from typing import Any

from benchmarks.pages import interval, print_table

KEPT = Path(__file__).parents[2] / "docs" / "measured" / "methods.json"


def language_rows(part: dict[str, Any]) -> list[list[str]]:
    """Method, loss within and past the old length, share of the gap closed, context gain with its corrected p."""
    return [
        [
            cell["method"],
            f"{cell['loss_within']['mean']:.3f}",
            f"{cell['loss']['mean']:.3f}",
            interval(cell["recovered"], 2),
            interval(cell["context_gain"], 3, sign=True),
            f"{cell['context_gain']['p_holm']:.2g}",
        ]
        for cell in part["cells"]
    ]


def optimum_rows(part: dict[str, Any]) -> list[list[str]]:
    """Start, loss past the old length, context gain."""
    return [
        [cell["start"], interval(cell["loss"], 3), interval(cell["context_gain"], 3, sign=True)]
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
        rows.append([name, *(interval(cells[name, length], 3) for length in lengths), *told])
    return rows


def print_tables(kept: dict[str, Any]) -> None:
    """All tables in Markdown."""
    for part in (part for name in kept if name.startswith("language_") for part in kept[name]):
        short = part["short"]
        print(f"\n{part['kind']}, {part['data']}: {part['documents']} documents; {part['calibrated']}\n")
        print_table(
            ["", f"loss below {short}", f"loss from {short} on", "gap closed", "context gain", "p"], language_rows(part)
        )
    for name, part in kept.items():
        if name.startswith("optimum_"):
            print(f"\n{name}\n")
            print_table(["start", "loss past the old length", "context gain"], optimum_rows(part))
    if "embedding" in kept:
        print_table(
            ["", "1024", "2048", "cosine", "rank correlation", "equal of 200"], embedding_rows(kept["embedding"])
        )
