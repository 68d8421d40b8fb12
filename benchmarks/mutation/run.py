"""Run tests against a mutant: a process that has imported the heavy libraries forks, and the child tests the mutant."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.mutation.draw import PACKAGE, Mutant

ROOT = PACKAGE.parent
PRELOADED = (
    *(
        "numpy",
        "scipy.stats",
        "scipy.ndimage",
        "scipy.interpolate",
        "torch",
        "safetensors.torch",
        "hypothesis",
        "pytest",
    ),
    *("transformers", "transformers.models.bert.modeling_bert", "transformers.models.gpt2.modeling_gpt2"),
    *("tokenizers", "rich.console", "rich.progress", "sybil"),
)


def preload() -> None:
    """Import the libraries that every test run needs, once."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import torch

    torch.set_num_threads(1)  # threads do not survive a fork
    loaded = [name for name in sys.modules if name.split(".")[0] == "posembed"]
    for name in loaded:  # the child imports the package afresh, the mutant with it
        del sys.modules[name]


def tests_of(mutant: Mutant) -> list[Path]:
    """Return the test files of the mutant's room, those of its own module first, then of its folder."""
    inside = Path(mutant.file)
    own = sorted((ROOT / "tests" / inside.parent).glob(f"test_{inside.stem}*.py"))
    near = sorted((ROOT / "tests" / inside.parent).glob("test_*.py"))
    room = sorted((ROOT / "tests" / mutant.room).rglob("test_*.py"))
    if inside.stem == "__init__":
        own = sorted((ROOT / "tests" / inside.parent.parent).glob(f"test_{inside.parent.name}*.py"))
    return list(dict.fromkeys([*own, *near, *room]))


def outcome(mutant: Mutant, timeout: float) -> tuple[str, float]:
    """Return ``"killed"``, ``"survived"`` or ``"timeout"`` (which counts as killed), and the seconds that it took."""
    source = mutant.source()
    return forked(lambda: _test(source, mutant), timeout)


def passes_unchanged(room: str) -> bool:
    """Whether the tests of a room pass as they are; otherwise every mutant would look killed."""
    files = sorted((ROOT / "tests" / room).rglob("test_*.py"))
    return forked(lambda: run_tests(files), timeout=1800.0)[0] == "survived"


def forked(work: Callable[[], int], timeout: float) -> tuple[str, float]:
    """Call ``work`` in a child of its own process group; its result is the exit code."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        code = 1
        try:
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silence, stream)
            code = work()
        finally:
            os._exit(code)
    while time.monotonic() - began < timeout:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            passed = os.waitstatus_to_exitcode(status) == 0
            return ("survived" if passed else "killed"), time.monotonic() - began
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout", timeout


def _test(source: str, mutant: Mutant) -> int:
    sys.meta_path.insert(0, _MutantFinder(mutant.module, PACKAGE / mutant.file, source))
    return run_tests(tests_of(mutant))


def run_tests(files: Sequence[Path]) -> int:
    """Run test files in the order given, until the first failure; returns pytest's exit code."""
    import pytest

    os.chdir(ROOT)
    options = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", "-o", "timeout=0", "-m", "not slow and not browser"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of libraries that were imported before the fork
    return int(pytest.main([*options, *map(str, files)]))


class _MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads one module from changed text."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> types.CodeType:  # noqa: ARG002
        """Compile the changed text, whatever is cached."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _MutantFinder(importlib.abc.MetaPathFinder):
    """Finds the one module that is changed."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of the changed module, and of no other."""
        if fullname != self.name:
            return None
        loader = _MutantLoader(fullname, str(self.path), self.source)
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)
