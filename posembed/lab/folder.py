"""The output folder of a comparison: who may use it, and what is read from it and written into it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from posembed.errors import InvalidArgumentError, ResultsConflictError, WorkFailedError
from posembed.hardware import environment
from posembed.lab.unit_result import RESULT, TABLE, UnitResult
from posembed.records.base import JsonObject
from posembed.records.comparison import Comparison
from posembed.records.unit import ComparisonSetup, UnitConfig
from posembed.storage import differences, read_json, write_json

RESULTS, SETUP, UNITS, TABLES = "results.json", "setup.json", "units", "tables"
SAME_NUMBERS = frozenset({"0.1.0", "0.2.0"})
"""Versions of posembed that train to the same numbers, so that one may resume what another began."""


def claim(folder: Path, configs: Sequence[UnitConfig], *, resume: bool) -> None:
    """Make sure that ``folder`` is free, or holds this very work and may be resumed.

    Raises:
        ResultsConflictError: if it is neither, or cannot be written.
    """
    refuse_other_content(folder)
    setup = folder / SETUP
    if setup.exists():
        if difference := _conflict(folder, configs):
            raise ResultsConflictError(f"out={str(folder)!r} holds the work of another configuration ({difference})")
        if not resume:
            raise ResultsConflictError(
                f"out={str(folder)!r} holds work of this configuration: resume it with resume=True, or give another "
                "`out`"
            )
        return
    try:
        write_json(setup, _identity(configs))
    except OSError as error:
        raise ResultsConflictError(f"out={str(folder)!r} cannot be written ({error.strerror})") from None


def refuse_other_content(folder: Path) -> None:
    """Refuse a folder that holds anything but a comparison; this needs no corpus, so it is said before one is read.

    Raises:
        ResultsConflictError: for a file, or a folder with other files.
    """
    if folder.exists() and not folder.is_dir():
        raise ResultsConflictError(f"out={str(folder)!r} is a file; give a directory")
    if folder.exists() and not (folder / SETUP).exists() and any(folder.iterdir()):
        raise ResultsConflictError(
            f"out={str(folder)!r} is not empty and not a run of posembed compare; give another `out`"
        )


def refuse_inside_data(folder: Path, data: str) -> None:
    """Refuse an output folder that would become part of the corpus.

    Raises:
        InvalidArgumentError: naming both.
    """
    if data != "stdlib" and Path(data).is_dir() and folder.absolute().is_relative_to(Path(data).absolute()):
        raise InvalidArgumentError(
            f"out={str(folder)!r} lies inside data={data!r}: its files would become part of the corpus; give another "
            "`out`"
        )


def read_result(file: Path, config: UnitConfig) -> UnitResult:
    """Read the result of a unit, which must be whole and of this very configuration.

    Raises:
        WorkFailedError: if the file is damaged.
        ResultsConflictError: if it is of another configuration.
    """
    try:
        stored = read_json(file)
        difference = differences(stored["configuration"], config.to_dict())
        result = None if difference else UnitResult.from_dict(stored)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkFailedError(f"{file} is damaged ({error}); delete it to train this unit again") from None
    if result is None:
        raise ResultsConflictError(
            f"{file} is of another configuration ({difference}); delete it to train this unit again"
        )
    return result


def keep(folder: Path, results: Comparison, configs: Iterable[UnitConfig]) -> None:
    """Write ``results.json``, and copy the position rows of each unit into one folder."""
    for config in configs:
        table = folder / UNITS / config.name / TABLE
        if table.exists():
            (folder / TABLES).mkdir(exist_ok=True)
            shutil.copyfile(table, folder / TABLES / f"{config.name}.safetensors")
    write_json(folder / RESULTS, results.to_dict())


def unit_folder(folder: Path, config: UnitConfig) -> Path:
    """Return the folder of one unit."""
    return folder / UNITS / config.name


def has_result(folder: Path, config: UnitConfig) -> bool:
    """Return whether a unit is done."""
    return (unit_folder(folder, config) / RESULT).exists()


def _identity(configs: Sequence[UnitConfig]) -> JsonObject:
    """Return what an output folder is for: the configuration, and the versions that its numbers depend on."""
    facts = environment(configs[0].device)
    versions: JsonObject = {name: facts[name] for name in ("posembed", "torch")}
    return ComparisonSetup.of(configs).to_dict() | versions


def _conflict(folder: Path, configs: Sequence[UnitConfig]) -> str:
    """Name what the work in a folder differs in from this, or return an empty text."""
    try:
        there = read_json(folder / SETUP)
        if not isinstance(there, Mapping):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise ResultsConflictError(
            f"out={str(folder)!r}: {SETUP} cannot be read ({error}); give another `out`"
        ) from None
    here = _identity(configs)
    if {there.get("posembed"), here["posembed"]} <= SAME_NUMBERS:
        here["posembed"] = there["posembed"]
    return differences(dict(there), here)
