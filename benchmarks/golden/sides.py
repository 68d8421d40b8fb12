"""Prepare folders and revisions, and run sides as processes beside each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.golden.scenarios.minilm import NAME, find_minilm

TREE = Path(__file__).resolve().parents[2]
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_FIXED = {
    **dict.fromkeys(_THREADS, "1"),
    "PYTHONHASHSEED": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "MPLBACKEND": "agg",
    "SOURCE_DATE_EPOCH": "0",
    "COLUMNS": "200",
    "LINES": "50",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
_LEFT_OUT = ("FORCE_COLOR", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "CLICOLOR_FORCE", "TERMINAL_WIDTH")


class SideError(Exception):
    """A side could not be recorded."""


@dataclass(frozen=True)
class Side:
    """One package and what is recorded of it.

    Attributes:
        name: for messages; the same length on both sides, for paths may reach a line that is wrapped.
        tree: the checkout that holds the package.
        folder: for its work; made.
        records: where its records go.
    """

    name: str
    tree: Path
    folder: Path
    records: Path


@contextmanager
def revision(name: str, folder: Path) -> Iterator[Path]:
    """A checkout of the revision below ``folder``, for as long as the block lasts.

    Raises:
        SideError: if there is no such revision.
    """
    tree = folder / "tree"
    added = subprocess.run(
        ["git", "-C", str(TREE), "worktree", "add", "--quiet", "--detach", str(tree), name],
        capture_output=True,
        text=True,
        check=False,
    )
    if added.returncode:
        raise SideError(f"--against {name}: {added.stderr.strip().splitlines()[-1]}")
    try:
        yield tree
    finally:
        subprocess.run(["git", "-C", str(TREE), "worktree", "remove", "--force", str(tree)], check=False)


def make_inputs(folder: Path) -> None:
    """Write the inputs in a process of its own, with fixed threads."""
    call = "import sys; from benchmarks.golden.inputs import write_inputs; write_inputs(sys.argv[1])"
    made = subprocess.run(
        [sys.executable, "-c", call, str(folder)],
        env=_environment(TREE, folder.parent, {}),
        cwd=folder.parent,
        check=False,
    )
    if made.returncode:
        raise SideError("the inputs could not be made: they need the extra [models]")


def record(sides: Sequence[Side], groups: Sequence[str], inputs: Path) -> None:
    """Record all sides beside each other; what the first one began is gone on with by every one.

    Raises:
        SideError: if a process ends with an error.
    """
    early = [group for group in groups if group != "resume"]
    _run(sides, early, inputs)
    if "resume" in groups:
        begun = sides[0].folder / "work" / "made"
        kept = sides[0].folder / "begun"
        shutil.copytree(begun, kept)
        _run(sides, ["resume"], inputs, begun=kept)


def _run(sides: Sequence[Side], groups: Sequence[str], inputs: Path, begun: Path | None = None) -> None:
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for side in sides:
            work = side.folder / "work"
            if not work.exists():
                shutil.copytree(inputs, work)
                real = find_minilm()
                if real is not None:
                    (work / NAME).symlink_to(real)
            side.records.mkdir(parents=True, exist_ok=True)
            more = {"GOLDEN_INPUTS": str(inputs), "GOLDEN_BEGUN": str(begun or "")}
            running[side.name] = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.golden.side", str(side.tree), str(side.records), *groups],
                cwd=work,
                env=_environment(side.tree, side.folder, more),
                stdout=None if side is sides[-1] else subprocess.DEVNULL,
            )
        failed = []
        while running:
            for name, process in list(running.items()):
                if process.poll() is not None:
                    del running[name]
                    if process.returncode:
                        failed.append(f"{name} ended with {process.returncode}")
            time.sleep(0.05)
        if failed:
            raise SideError("; ".join(failed))
    finally:
        for process in running.values():
            process.terminate()
            process.wait()


def _environment(tree: Path, folder: Path, more: dict[str, str]) -> dict[str, str]:
    """These scenarios with that package: of ``benchmarks`` this package alone is on the path, of the rest the tree."""
    package = folder / "scenarios" / "benchmarks"
    if not package.exists():
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "golden").symlink_to(TREE / "benchmarks" / "golden")
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT and not name.startswith("HF_")}
    return kept | _FIXED | more | {"PYTHONPATH": os.pathsep.join([str(package.parent), str(tree)])}
