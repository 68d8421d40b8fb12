"""What is trained: cells, settings, and the runs of each stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from posembed.records.base import Record

ARMS = ("learned", "sinusoidal")
CORPORA = ("stdlib", "manuals")
UNITS = ("bytes", "pieces")
SIZES = {"2 × 64": (2, 64), "2 × 96": (2, 96)}  # layers and width

TRAIN_LENGTH, HEADS, BATCH_SIZE = 128, 4, 8
# Where tuning begins, the command's defaults, and the steps of its two axes.
START_RATE, START_SIZE = 3e-3, 0.02
RATE_FACTOR, SIZE_FACTOR = 2.0, 4.0
SETTINGS = 5  # that each arm tries, all at the length that is compared: shorter runs prefer rows without any effect
TUNING_SEED = 1000  # none of the seeds that are compared
SEEDS = (0, 1, 2, 3, 4)
MAIN_STEPS, SHORT_STEPS = 800, 200
# After tuning: number of steps, seeds and encodings; the most important first, for a study that ends early.
STAGES: tuple[tuple[int, tuple[int, ...], tuple[str, ...]], ...] = (
    (MAIN_STEPS, SEEDS, ARMS),
    (SHORT_STEPS, SEEDS[:3], ARMS),
    (MAIN_STEPS, SEEDS[:1], ("none",)),
)


class Setting(NamedTuple):
    """What is tuned of an arm.

    Attributes:
        learning_rate: peak of AdamW.
        row_size: root mean square of the initial rows (learned), or of the rows (sinusoidal).
    """

    learning_rate: float
    row_size: float


class Cell(NamedTuple):
    """One corpus, in one unit of text, and one size of model."""

    corpus: str
    unit: str
    size: str

    @property
    def name(self) -> str:
        """Name in tables and files."""
        return f"{self.corpus}, {self.unit}, {self.size}"


CELLS = tuple(Cell(corpus, unit, size) for size in SIZES for unit in UNITS for corpus in CORPORA)


@dataclass(frozen=True)
class Run(Record):
    """One model to train, and the documents to measure it on.

    Attributes:
        corpus: of its cell.
        unit: of its cell.
        size: of its cell.
        encoding: position encoding.
        learning_rate: peak of AdamW.
        row_size: see :class:`Setting`.
        seed: of weights and data order.
        steps: length of training; the learning rate's cosine ends there.
        measured_on: ``"validation"`` or ``"test"``.
    """

    corpus: str
    unit: str
    size: str
    encoding: str
    learning_rate: float
    row_size: float
    seed: int
    steps: int
    measured_on: str

    @property
    def cell(self) -> Cell:
        """The cell it belongs to."""
        return Cell(self.corpus, self.unit, self.size)

    @property
    def name(self) -> str:
        """Name of its file."""
        parts = (*self.cell, self.encoding, f"{self.learning_rate:g}", f"{self.row_size:g}", self.steps, self.seed)
        return " ".join(map(str, parts)).replace(" × ", "x").replace(" ", "-")


def tuning_run(cell: Cell, encoding: str, setting: Setting) -> Run:
    """Return a run that helps to choose a setting."""
    return Run(*cell, encoding, *setting, TUNING_SEED, MAIN_STEPS, "validation")


def final_run(cell: Cell, encoding: str, setting: Setting, steps: int, seed: int) -> Run:
    """Return a run that is compared."""
    return Run(*cell, encoding, *setting, seed, steps, "test")
