"""Run a call once for every k, each time in a process of its own, and judge what it leaves."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.layers import CLayer, Fault, PythonLayer
from benchmarks.faults.scenarios import Scenario
from benchmarks.faults.trees import Tree, is_leftover, leftovers, tree

_PATIENCE = 300  # seconds after which a call hangs, also on a busy machine


@dataclass(frozen=True)
class End:
    """How a call ended: its exit code (negative: the signal), what it said, and the first call that failed."""

    code: int
    said: str
    failed: str


@dataclass
class Runner:
    """Runs one scenario.

    Attributes:
        scenario: the call.
        layer: fails the calls on files.
        folder: for everything that is written.
    """

    scenario: Scenario
    layer: CLayer | PythonLayer
    folder: Path

    def __post_init__(self) -> None:
        """Write what the call needs, and run it without a fault."""
        self.pristine, self.place, self.output = (self.folder / name for name in ("pristine", "place", "output"))
        self.pristine.mkdir()
        self.scenario.prepare(self.pristine)
        if self.scenario.fills:  # its units are done by processes of their own, whose calls none counts
            self._restart()
            self._succeed(self._call(self.scenario.arguments, 0, None))
            kept = self.pristine / "out" / "units"
            shutil.copytree(self.place / "out" / "units", kept)
            shutil.copy(self.place / "out" / "setup.json", kept.parent)
        self._restart()
        self._warm_up()
        self._restart()
        self.before = tree(self.place)
        self.old = tree(self.place / self.scenario.target)
        self.source = tree(self.place / self.scenario.source)
        end = self._call(self.scenario.arguments, 0, Fault("none"))
        self._succeed(end)
        self.calls = int(end.failed)
        self.new = tree(self.place / self.scenario.target)

    def _warm_up(self) -> None:
        """Import what the call imports, here, so that no copy of this process does it again."""
        pid = os.getpid()
        saved = [os.dup(number) for number in (1, 2)]
        hushed = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(hushed, 1)
            os.dup2(hushed, 2)
            _command([word.format(at=self.place) for word in self.scenario.arguments])
        finally:
            for number, descriptor in enumerate(saved, 1):
                os.dup2(descriptor, number)
            assert os.getpid() == pid

    def _succeed(self, end: End) -> None:
        assert end.code == 0, f"{self.scenario.name} fails without a fault: {end.said}"

    def _restart(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.pristine, self.place)

    def judge(self, k: int, fault: Fault) -> list[str]:
        """Return what is wrong after the k-th call has failed; an empty list where all is right."""
        self._restart()
        end = self._call(self.scenario.arguments, k, fault)
        wrong = list(self._wrong(end, fault))
        if tree(self.place) == self.before:  # as if there had been no call, so the next one will do what it always does
            return self._named(wrong, k, fault, end)
        again = self._call(self.scenario.again or self.scenario.arguments, 0, None)
        found = tree(self.place / self.scenario.target)
        exists = again.code == 2 and "exists already" in again.said
        if (again.code != 0 and not exists) or found != self.new:
            wrong.append(f"the next run ends with {again.code}: {again.said.strip()} {_differing(found, self.new)}")
        if hidden := leftovers(self.place):
            wrong.append(f"the next run leaves {', '.join(hidden)}")
        return self._named(wrong, k, fault, end)

    def _named(self, wrong: Sequence[str], k: int, fault: Fault, end: End) -> list[str]:
        return [f"{self.scenario.name}, call {k} ({end.failed}), {fault.name}: {each}" for each in wrong]

    def _wrong(self, end: End, fault: Fault) -> Sequence[str]:
        wrong = []
        found = tree(self.place / self.scenario.target)
        if not self._is_old_or_new(found, fault):
            wrong.append(f"the target is neither absent nor old nor whole: {_differing(found, self.new)}")
        if tree(self.place / self.scenario.source) != self.source:
            wrong.append("the source has changed")
        if fault.kill:
            return wrong
        whole = found == self.new
        if end.code != 1 and not (end.code == 0 and whole):
            wrong.append(f"exit code {end.code}: {end.said.strip()}")
        if "Traceback" in end.said:
            wrong.append(f"a traceback: {end.said.strip()}")
        if end.code == 0 and (hidden := leftovers(self.place)) and not all(name in end.said for name in hidden):
            wrong.append(f"{', '.join(hidden)} stays without a word")
        if end.code == 1 and "posembed: " not in end.said:
            wrong.append(f"no sentence: {end.said.strip()!r}")
        if "nothing was left behind" in end.said and (found != None or leftovers(self.place)):  # noqa: E711
            wrong.append(f"untrue: {end.said.strip()}")
        return wrong

    def _is_old_or_new(self, found: Tree | None, fault: Fault) -> bool:
        if found is None or found in (self.old, self.new):
            return True
        if not self.scenario.fills or self.new is None:
            return False
        # The folder fills file by file: each is absent, old or whole. What a killed process had not finished stays
        # under hidden names, until the next run.
        finished = {name: content for name, content in found.items() if not (fault.kill and is_leftover(name))}
        return all(content in (self.new.get(name), (self.old or {}).get(name)) for name, content in finished.items())

    def _call(self, arguments: Sequence[str], k: int, fault: Fault | None) -> End:
        """Run the call in a copy of this process, in which everything is imported already."""
        self.output.unlink(missing_ok=True)
        reached = self.folder / "reached"
        reached.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            self._in_child([word.format(at=self.place) for word in arguments], k, fault, reached)
        code = _wait(pid)
        said = self.output.read_text(errors="replace") if self.output.exists() else ""
        return End(code, said, reached.read_text() if reached.exists() else "?")

    def _in_child(self, words: list[str], k: int, fault: Fault | None, reached: Path) -> None:
        descriptor = os.open(self.output, os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.chdir(self.folder)
        self.scenario.before()
        if fault is not None:
            self.layer.arm(self.place, k, fault)
        code = _command(words)
        if fault is not None:
            count, name = self.layer.disarm()
            reached.write_text(name or str(count))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _command(words: list[str]) -> int:
    """Call ``posembed``, and return its exit code as the interpreter would."""
    from posembed.cli.app import main

    sys.argv = ["posembed", *words]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        traceback.print_exc()
    return 1


def _wait(pid: int) -> int:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -99  # it hung


def _differing(found: Tree | None, wanted: Tree | None) -> str:
    if found is None or wanted is None:
        return f"(found {'nothing' if found is None else 'something'})"
    names = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    return f"({', '.join(names[:5])} differ)" if names else ""
