"""The output folder of a comparison: who may use it, and what is read from it and written into it."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from posembed.errors import InvalidArgumentError, ResultsConflictError, WorkFailedError
from posembed.files import is_hidden_name, remove_leftovers_below, write_whole
from posembed.generations import DamagedError, previous
from posembed.hardware import environment
from posembed.lab.unit_result import RESULT, TABLE
from posembed.records.base import JsonObject
from posembed.records.comparison import Comparison
from posembed.records.unit import ComparisonSetup, UnitConfig
from posembed.storage import differences, read_sealed_json, write_json, write_sealed_json

RESULTS, SETUP, UNITS, TABLES = "results.json", "setup.json", "units", "tables"
SAME_NUMBERS = frozenset({"0.1.0", "0.2.0"})
"""Versions of posembed that train to the same numbers, so that one may resume what another began."""


def claim(folder: Path, configs: Sequence[UnitConfig], *, resume: bool) -> str:
    """Make sure that ``folder`` is free, or holds this very work and may be resumed.

    Returns:
        What the user should know: that the file that says what it holds was damaged, and is mended. Else nothing.

    Raises:
        ResultsConflictError: if it is neither, or cannot be written.
        WorkFailedError: if both copies of the file that says what it holds are damaged.
    """
    refuse_other_content(folder)
    if not (folder / SETUP).exists():
        _write_setup(folder, _identity(configs))
        remove_leftovers_below(folder)
        return ""
    there, fault = _stored(folder)
    if difference := _difference(there, configs):
        raise ResultsConflictError(f"out={str(folder)!r} holds the work of another configuration ({difference})")
    if not resume:
        raise ResultsConflictError(
            f"out={str(folder)!r} holds work of this configuration: resume it with resume=True, or give another `out`"
        )
    if fault:
        _write_setup(folder, there)
    remove_leftovers_below(folder)  # this run may write other files than one that was killed
    return fault


def refuse_other_content(folder: Path) -> None:
    """Refuse a folder that holds anything but a comparison; this needs no corpus, so it is said before one is read.

    Raises:
        ResultsConflictError: for a file, or a folder with other files.
    """
    if folder.exists() and not folder.is_dir():
        raise ResultsConflictError(f"out={str(folder)!r} is a file; give a directory")
    if not folder.exists() or (folder / SETUP).exists():
        return
    if not all(is_hidden_name(path.name) for path in folder.iterdir()):  # a run that was killed at once leaves such
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


def keep(folder: Path, results: Comparison, configs: Iterable[UnitConfig]) -> None:
    """Write ``results.json``, and copy the position rows of each unit into one folder."""
    for config in configs:
        table = folder / UNITS / config.name / TABLE
        if table.exists():
            target = folder / TABLES / f"{config.name}.safetensors"
            write_whole(target, functools.partial(shutil.copyfile, table), parents=True)
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


def _difference(there: JsonObject, configs: Sequence[UnitConfig]) -> str:
    """Name what the work in a folder differs in from this, or return an empty text."""
    here = _identity(configs)
    if {there.get("posembed"), here["posembed"]} <= SAME_NUMBERS:
        here["posembed"] = there["posembed"]
    return differences(there, here)


def _stored(folder: Path) -> tuple[JsonObject, str]:
    """Return what a folder says it is for, from whichever copy is undamaged, and what is wrong with the first.

    Raises:
        WorkFailedError: if both are damaged.
    """
    copies = [folder / SETUP, previous(folder / SETUP)]
    if not copies[1].exists():
        copies.pop()  # a folder of version 0.2 has one, without a checksum
    faults = []
    for each in copies:
        try:
            stored = read_sealed_json(each, must_be_sealed=len(copies) > 1)
        except DamagedError as error:
            faults.append(f"{each} is damaged ({error})")
        else:
            return stored, f"{faults[0]}: its copy {each} is used" if faults else ""
    raise WorkFailedError(f"{' and '.join(faults)}: give another `out`, or delete {folder} to start over")


def _write_setup(folder: Path, identity: JsonObject) -> None:
    """Write what a folder is for, twice: it is written once, so there is never one before it to fall back on."""
    try:
        for copy in (folder / SETUP, previous(folder / SETUP)):
            write_sealed_json(copy, identity)
    except OSError as error:
        raise ResultsConflictError(f"out={str(folder)!r} cannot be written ({error.strerror})") from None
