"""What one benchmark leaves: rows of measurements with the machine, the versions and the command, as one JSON file."""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.timing import Times, median_ratio
from posembed.hardware import environment
from posembed.storage import read_json, write_json

PEERS = ("transformers", "numba", "onnxruntime", "flash-attn", "liger-kernel", "safetensors")
Case = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Row:
    """All rounds of one candidate in one case.

    Attributes:
        case: what was measured, such as ``{"what": "forward", "batch": 16}``.
        candidate: who was measured.
        series: values by round: ``wall`` and ``processor`` in seconds, ``flush`` in seconds, ``peak`` in MiB.
        moved: bytes that any implementation has to read or write, where that is what bounds it.
    """

    case: Case
    candidate: str
    series: Mapping[str, list[float]]
    moved: float | None = None

    def median(self, name: str = "wall") -> float:
        """Return the median over rounds."""
        return float(np.median(self.series[name]))

    def least(self, name: str = "wall") -> float:
        """Return the least value of all rounds."""
        return min(self.series[name])


@dataclass
class Result:
    """One benchmark.

    Attributes:
        name: of the benchmark, and of its file.
        quick: tiny sizes, which show that it runs and nothing else.
        seed: random seed of inputs and weights.
        seconds: that all of it took.
        environment: versions and hardware.
        rows: measurements.
        missing: candidates that could not be run here, with the reason.
        facts: anything else that the page shows.
    """

    name: str
    quick: bool
    seed: int
    seconds: float = 0.0
    environment: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, case: Case, candidate: str, times: Times, moved: float | None = None) -> None:
        """Append the rounds of one candidate."""
        self.rows.append(Row(dict(case), candidate, {"wall": times.wall, "processor": times.processor}, moved))

    def add_all(self, case: Case, times: Mapping[str, Times], moved: float | None = None) -> None:
        """Append the rounds of several candidates of one case."""
        for candidate, each in times.items():
            self.add(case, candidate, each, moved)

    def where(self, **case: object) -> list[Row]:
        """Return the rows whose case has all these values."""
        return [row for row in self.rows if all(row.case.get(name) == value for name, value in case.items())]

    def row(self, candidate: str, **case: object) -> Row | None:
        """Return the row of a candidate, or ``None`` if it was not measured."""
        return next((row for row in self.where(**case) if row.candidate == candidate), None)

    def cases(self, **case: object) -> list[Case]:
        """Return the distinct cases that have all these values, in their order."""
        found: list[Case] = []
        for row in self.where(**case):
            if row.case not in found:
                found.append(row.case)
        return found

    def write(self, folder: Path) -> Path:
        """Write ``folder/NAME.json``, whole or not at all."""
        path = folder / f"{self.name}.json"
        write_json(path, {**asdict(self), "rows": [_rounded(row) for row in self.rows]})
        return path

    @classmethod
    def read(cls, path: Path) -> Result:
        """Return what :meth:`write` wrote."""
        values = read_json(path)
        values["rows"] = [Row(**row) for row in values["rows"]]
        return cls(**values)


def _rounded(row: Row) -> dict[str, Any]:
    """Return a row with values of four digits: the rest is noise, and the files are kept in the repository."""
    series = {name: [float(f"{value:.4g}") for value in values] for name, values in row.series.items() if values}
    return {**asdict(row), "series": series}


def ratio(ours: Row, theirs: Row, name: str = "wall") -> float:
    """Return the median over rounds of ours / theirs."""
    return median_ratio(ours.series[name], theirs.series[name])


def slope(sizes: Iterable[float], values: Iterable[float]) -> float:
    """Return the slope of the line through the logarithms: 1 where a value grows with the size, 2 with its square.

    Example:
        >>> round(slope([1, 2, 4], [3, 12, 48]), 6)
        2.0
    """
    return float(np.polyfit(np.log(list(sizes)), np.log(list(values)), 1)[0])


def machine() -> dict[str, Any]:
    """Return versions and hardware, and how busy the machine was before."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    facts = {**environment("cpu"), "threads": torch.get_num_threads(), "load_before": load}
    return {**facts, "day": time.strftime("%Y-%m-%d"), "packages": {name: _version(name) for name in PEERS}}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
