"""The study's tables, made from the kept results."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.learned_or_sinusoidal.kept import Kept
from benchmarks.learned_or_sinusoidal.plan import (
    ARMS,
    CELLS,
    CORPORA,
    MAIN_STEPS,
    SEEDS,
    SHORT_STEPS,
    SIZES,
    START_RATE,
    START_SIZE,
    UNITS,
    Cell,
    Setting,
    final_run,
)
from benchmarks.learned_or_sinusoidal.study import NotThereError, tuned_cells
from benchmarks.learned_or_sinusoidal.tuning import Tuned
from benchmarks.pages import interval, print_table
from posembed.statistics import MeanInterval, mean_interval

Floats = NDArray[np.float64]
LENGTHS = (SHORT_STEPS, MAIN_STEPS)
NOTHING = "–"
MAIN_HEADER = ("cell", *ARMS, "none", "bigram", "learned − sinusoidal", "corrected for all cells")
TUNED_HEADER = ("cell", *(f"{arm}: {what}" for arm in ARMS for what in ("rate", "rows", "loss", "at the defaults")))
TRIAL_HEADER = ("cell", "arm", "learning rate × size of the rows: validation loss, in the order tried")


class Analysis:
    """What the kept results say."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.tuned: dict[Cell, Tuned] = tuned_cells(kept.find)

    def losses(self, cell: Cell, encoding: str, steps: int) -> dict[int, Floats]:
        """Return the losses of the test documents by seed, of the runs that ended well."""
        setting = self.tuned[cell].settings.get(encoding, self.tuned[cell].settings[ARMS[0]])
        found = {}
        for seed in SEEDS:
            try:
                outcome = self.kept.find(final_run(cell, encoding, setting, steps, seed))
            except NotThereError:
                continue
            if outcome.documents:
                found[seed] = np.array(outcome.documents)
        return found

    def differences(self, cell: Cell, steps: int) -> dict[int, Floats]:
        """Return learned − sinusoidal of each test document by seed, where both were trained."""
        learned, sinusoidal = (self.losses(cell, arm, steps) for arm in ARMS)
        return {seed: learned[seed] - sinusoidal[seed] for seed in learned if seed in sinusoidal}

    def cell_interval(self, cell: Cell, steps: int, comparisons: int = 1) -> MeanInterval | None:
        """Return the mean difference of a cell with its interval over seeds and documents."""
        found = list(self.differences(cell, steps).values())
        return mean_interval(found, comparisons) if found else None

    def pooled_interval(self, steps: int, among: Sequence[Cell] = CELLS) -> MeanInterval | None:
        """Return the mean difference over cells with its interval over seeds and cells."""
        cells = [self.differences(cell, steps) for cell in self.tuned if cell in among]
        cells = [each for each in cells if each]
        seeds = [seed for seed in SEEDS if cells and all(seed in each for each in cells)]
        if not seeds or len(cells) < 2:
            return None
        return mean_interval([[float(each[seed].mean()) for each in cells] for seed in seeds])


def main_rows(analysis: Analysis) -> list[list[str]]:
    """Cell, loss of each arm, of no positions and of the bigram model, and the difference with two intervals."""
    return [
        [
            cell.name,
            *(_mean(analysis.losses(cell, encoding, MAIN_STEPS)) for encoding in (*ARMS, "none")),
            f"{analysis.kept.bigram(cell.corpus, cell.unit):.3f}",
            _told(analysis.cell_interval(cell, MAIN_STEPS)),
            _bounds(analysis.cell_interval(cell, MAIN_STEPS, len(CELLS))),
        ]
        for cell in analysis.tuned
    ]


def pooled_rows(analysis: Analysis, steps: int = MAIN_STEPS) -> list[list[str]]:
    """The difference over all cells, and over each half of them."""
    return [[name, _told(analysis.pooled_interval(steps, cells))] for name, cells in _groups().items()]


def step_rows(analysis: Analysis) -> list[list[str]]:
    """The difference after each number of steps, in each cell and over all of them."""
    rows = [[cell.name, *(_told(analysis.cell_interval(cell, n)) for n in LENGTHS)] for cell in analysis.tuned]
    return [*rows, ["all cells", *(_told(analysis.pooled_interval(n)) for n in LENGTHS)]]


def tuned_rows(analysis: Analysis) -> list[list[str]]:
    """The setting of each arm, and its validation loss beside the defaults'; a star where it lies at the edge."""
    return [
        [cell.name, *(text for arm in ARMS for text in _setting(tuned, arm))] for cell, tuned in analysis.tuned.items()
    ]


def trial_rows(analysis: Analysis) -> list[list[str]]:
    """The validation loss of every setting that was tried."""
    return [
        [
            cell.name,
            arm,
            ", ".join(f"{each.learning_rate:g} × {each.row_size:g}: {_loss(loss)}" for each, loss in losses.items()),
        ]
        for cell, tuned in analysis.tuned.items()
        for arm, losses in tuned.losses.items()
    ]


def print_tables(kept: Kept) -> None:
    """Print all tables in Markdown."""
    analysis = Analysis(kept)
    print_table(MAIN_HEADER, main_rows(analysis))
    print_table(("cells", "learned − sinusoidal"), pooled_rows(analysis))
    print_table(("cell", *(f"{n:,} steps" for n in LENGTHS)), step_rows(analysis))
    print_table(TUNED_HEADER, tuned_rows(analysis))
    print_table(TRIAL_HEADER, trial_rows(analysis))


def _groups() -> dict[str, list[Cell]]:
    """All cells, and those of each corpus, unit and size."""
    parts = {name: [cell for cell in CELLS if name in cell] for name in (*CORPORA, *UNITS, *SIZES)}
    return {"all": list(CELLS), **parts}


def _mean(losses: dict[int, Floats]) -> str:
    return f"{np.mean(list(losses.values())):.3f}" if losses else NOTHING


def _told(found: MeanInterval | None) -> str:
    """A difference with its interval; with the number of seeds where these are fewer than planned."""
    if found is None:
        return NOTHING
    mean, low, high = found["mean"], found["low"], found["high"]
    assert mean is not None
    assert low is not None
    assert high is not None
    seeds = found["seeds"]
    few = "" if seeds == len(SEEDS) else f", {seeds} {'seed' if seeds == 1 else 'seeds'}"
    return interval({"mean": mean, "low": low, "high": high}, sign=True) + few


def _bounds(found: MeanInterval | None) -> str:
    return NOTHING if found is None else f"{found['low']:.3f} to {found['high']:.3f}".replace("-", "−")


def _setting(tuned: Tuned, arm: str) -> Sequence[str]:
    setting, losses = tuned.settings[arm], tuned.losses[arm]
    rate, rows = (
        f"{value:g}{'*' if name in tuned.at_edge[arm] else ''}"
        for name, value in zip(("rate", "rows"), setting, strict=True)
    )
    return rate, rows, _loss(losses[setting]), _loss(losses[Setting(START_RATE, START_SIZE)])


def _loss(loss: float) -> str:
    return f"{loss:.3f}" if math.isfinite(loss) else "not finite"
