"""Train all runs of the study in order, keeping each as it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.learned_or_sinusoidal.plan import CELLS, STAGES, Cell, Run, final_run
from benchmarks.learned_or_sinusoidal.texts import Texts
from benchmarks.learned_or_sinusoidal.train import Outcome, train
from benchmarks.learned_or_sinusoidal.tuning import Tuned, tune
from posembed.files import write_whole

Find = Callable[[Run], Outcome]
"""Returns the outcome of a run: trained now, or kept; raises :class:`NotThereError` if it can do neither."""


class NotThereError(Exception):
    """A run has no outcome, and will have none in this call."""


class Store:
    """Finished runs, one file each, so that a study can be stopped at any time and resumed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "runs"

    def find(self, run: Run) -> Outcome:
        """Return a kept outcome.

        Raises:
            NotThereError: if there is none.
        """
        file = self._file(run)
        if not file.exists():
            raise NotThereError(run.name)
        return Outcome.from_dict(json.loads(file.read_text(encoding="utf-8")))

    def keep(self, outcome: Outcome) -> None:
        """Write an outcome, whole or not at all."""
        text = json.dumps(outcome.to_dict(), allow_nan=False) + "\n"
        write_whole(self._file(outcome.run), lambda path: path.write_text(text, encoding="utf-8"), parents=True)

    def all(self) -> list[Outcome]:
        """Return every kept outcome, in the order of their names."""
        files = sorted(self.folder.glob("*.json"))
        return [Outcome.from_dict(json.loads(file.read_text(encoding="utf-8"))) for file in files]

    def _file(self, run: Run) -> Path:
        return self.folder / f"{run.name}.json"


class Trainings:
    """Trains what the store does not have, until the time is over."""

    def __init__(self, store: Store, texts: Texts, minutes: float) -> None:
        self.store, self.texts = store, texts
        self.began, self.minutes = time.monotonic(), minutes

    def find(self, run: Run) -> Outcome:
        """Return the outcome of a run, which is trained if it is not kept.

        Raises:
            NotThereError: if the time is over.
            SystemExit: if the kept outcomes are of another text.
        """
        try:
            return self.store.find(run)
        except NotThereError:
            minutes = (time.monotonic() - self.began) / 60
            if minutes > self.minutes:
                raise
        corpus, _ = self.texts.load(run.corpus, run.unit)
        outcome = train(run, corpus)
        self.store.keep(outcome)
        print(f"{minutes:6.1f} min  {run.name}: {outcome.loss}, {outcome.seconds} s", flush=True)
        return outcome


def tuned_cells(find: Find, cells: tuple[Cell, ...] = CELLS) -> dict[Cell, Tuned]:
    """Return what tuning gave, of the cells where it is complete."""
    tuned = {}
    for cell in cells:
        try:
            tuned[cell] = tune(cell, lambda run: find(run).comparable)
        except NotThereError:
            continue
    return tuned


def run_stages(find: Find, tuned: dict[Cell, Tuned]) -> list[Outcome]:
    """Return the outcomes that are compared: seed after seed over all cells, so that all have as many."""
    found = []
    for steps, seeds, encodings in STAGES:
        for seed in seeds:
            for cell, each in tuned.items():
                for encoding in encodings:
                    setting = each.settings.get(encoding, each.settings["learned"])
                    try:
                        found.append(find(final_run(cell, encoding, setting, steps, seed)))
                    except NotThereError:
                        continue
    return found
