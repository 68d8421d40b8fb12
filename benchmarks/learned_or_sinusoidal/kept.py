"""The file of results that the page's tables are made from: one line per run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.learned_or_sinusoidal.plan import Run
from benchmarks.learned_or_sinusoidal.study import NotThereError
from benchmarks.learned_or_sinusoidal.train import Outcome
from posembed.files import write_whole

KEPT = Path(__file__).parents[2] / "docs" / "measured" / "comparison.json"
DIGITS = 3  # of a document's loss; the mean over documents and seeds then errs by less than 0.0001


@dataclass(frozen=True)
class Kept:
    """All outcomes, and what they were measured on.

    Attributes:
        about: ``corpora`` (fingerprints, baselines that count) and ``environment``.
        outcomes: every run.
    """

    about: dict[str, Any]
    outcomes: dict[Run, Outcome]

    def find(self, run: Run) -> Outcome:
        """Return the outcome of a run.

        Raises:
            NotThereError: if there is none.
        """
        if run not in self.outcomes:
            raise NotThereError(run.name)
        return self.outcomes[run]

    def bigram(self, corpus: str, unit: str) -> float:
        """Return the bigram model's loss on the test documents."""
        return float(self.about["corpora"][f"{corpus}, {unit}"]["bigram"])


def write(about: dict[str, Any], outcomes: Sequence[Outcome], path: Path = KEPT) -> None:
    """Write the file, whole or not at all."""
    head = json.dumps(about, indent=1, allow_nan=False)[:-2]
    runs = ",\n  ".join(json.dumps(_row(outcome), allow_nan=False, separators=(",", ":")) for outcome in outcomes)
    text = f'{head},\n "runs": [\n  {runs}\n ]\n}}\n'
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read(path: Path = KEPT) -> Kept:
    """Read the file."""
    about = json.loads(path.read_text(encoding="utf-8"))
    outcomes = [_outcome(row) for row in about.pop("runs")]
    return Kept(about, {outcome.run: outcome for outcome in outcomes})


def _row(outcome: Outcome) -> list[object]:
    documents = [round(loss, DIGITS) for loss in outcome.documents]
    loss = None if outcome.loss is None else round(outcome.loss, 5)
    return [*dataclasses.astuple(outcome.run), loss, *([documents] if documents else [])]


def _outcome(row: list[Any]) -> Outcome:
    width = len(dataclasses.fields(Run))
    run, loss, documents = Run(*row[:width]), row[width], tuple(row[width + 1]) if row[width + 1 :] else ()
    return Outcome(run, "", loss, 0.0, documents)
