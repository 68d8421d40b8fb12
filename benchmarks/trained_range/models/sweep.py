"""Try every range of ten models that need their positions, and compare the best with what the probe names.

Run: python -m benchmarks.trained_range.models.sweep [--out runs/trained-range-echo]

The models of the study hardly use their positions: any range is as good as another to them. These read a language in
which nine letters of ten repeat the letter before the last, so a model must find the token two places back, and a row
that was never trained leaves it blind. For each range, the table's first rows are repeated up to its length, as
`posembed extend --method tile --range` does, and texts that fill the table are read. The best range has the least loss.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.trained_range.models.recipes import ModelRecipe
from benchmarks.trained_range.models.train import model_of
from posembed.checkpoint.source import open_checkpoint
from posembed.corpus import Corpus
from posembed.find.search import find_tables
from posembed.hardware import environment
from posembed.quality.behavior.live_table import LiveTable
from posembed.quality.behavior.loaded import load
from posembed.quality.behavior.moves import Move
from posembed.quality.behavior.probe import probe, text_reader
from posembed.quality.behavior.short_texts import read_short_texts

RESULTS = Path(__file__).with_name("sweep.json")
MODELS = 10
CLOSE = 0.2  # of the best range
TEXTS, POINTS, LEAST = 16, 40, 8
LETTERS, BACK, SURE = 26, 2, 0.9


def echo(seed: int, length: int) -> NDArray[np.int32]:
    """A text of the language, as bytes."""
    draw = np.random.default_rng([20261128, seed])
    letters = (ord("a") + draw.integers(0, LETTERS, length)).astype(np.int32)
    for place in np.flatnonzero(draw.random(length) < SURE):
        if place >= BACK:
            letters[place] = letters[place - BACK]
    return letters


def echo_recipe(number: int) -> ModelRecipe:
    """The model of that number: decoders and encoders in turn, two of the ten trained whole."""
    draw = np.random.default_rng([20261129, number])
    rows = int(draw.choice([96, 128, 160]))
    regime = "packed" if number % 5 == 4 else str(draw.choice(["fixed", "uniform"]))
    end = rows if regime == "packed" else int(rows * draw.uniform(0.3, 0.85))
    family, kind = (("gpt2", "decoder"), ("bert", "encoder"))[number % 2]
    rate = float(10 ** draw.uniform(-2.7, -2.3))
    layers, steps = int(draw.choice([1, 2])), 600
    return ModelRecipe(
        number, regime, rows, end, 0.0, 64, layers, kind, "normal 0.02", "adamw", rate, steps, 1024 // rows, family
    )


def judge(folder: Path, texts: Path) -> dict[str, Any]:
    """One model: the best range, and the ones that the probe names."""
    recipe = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["recipe"]
    checkpoint = open_checkpoint(folder)
    (table,) = [each for each in find_tables(checkpoint) if each.is_text_sequence]
    (found,) = probe(checkpoint, [table], str(texts), 0).tables
    assert found.effective_range is not None
    assert found.trained is not None
    loaded, rows = load(checkpoint), table.usable_length
    live = LiveTable(loaded.model, checkpoint, table)
    read = read_short_texts(folder, str(texts), TEXTS, rows, 1000, 1)
    reader = text_reader(loaded, live, read, rows, 1)
    ranges = sorted({*range(LEAST, rows, max(1, rows // POINTS)), rows})
    losses = [reader.values(Move("start", None, np.arange(rows) % each))["loss"].mean() for each in ranges]
    works = {"ends": found.effective_range.end, "no end": rows, "unknown": None}[found.effective_range.verdict]
    trained = {"ends": found.trained.end, "whole": rows, "unknown": None}[found.trained.verdict]
    return {
        "number": recipe["number"],
        "family": recipe["family"],
        "rows": rows,
        "true_end": recipe["end"],
        "best": ranges[int(np.argmin(losses))],
        "works": works,
        "trained": trained,
        "ranges": ranges,
        "losses": [round(float(each), 4) for each in losses],
    }


def print_sweeps(judged: list[dict[str, Any]]) -> None:
    """A line per model, and how often what is named is near the best."""
    for each in judged:
        print(
            f"{each['family']:4} of {each['rows']:3} rows, trained to {each['true_end']:3}: best of the sweep "
            f"{each['best']:3}; works alike up to {each['works']}, trained up to {each['trained']}"
        )
    for name in ("works", "trained"):
        best, true = (
            sum(abs((each[name] or 0) - each[other]) <= CLOSE * each[other] for each in judged)
            for other in ("best", "true_end")
        )
        print(f"{name}: within 20 % of the best for {best} of {len(judged)}, of the true end for {true}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/trained-range-echo"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    corpus = Corpus(echo(0, 1_000_000), (), (), 256, 257, 258, 1, "", ())
    texts = given.out / "texts"
    texts.mkdir(parents=True, exist_ok=True)
    for number in range(1, 41):
        text = bytes(echo(number, 1000).astype(np.uint8)).decode()
        (texts / f"{number:02}.txt").write_text(text, encoding="utf-8")
    judged = [judge(model_of(echo_recipe(number), corpus, given.out), texts) for number in range(MODELS)]
    print_sweeps(judged)
    document = {"environment": environment("cpu"), "models": judged}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
