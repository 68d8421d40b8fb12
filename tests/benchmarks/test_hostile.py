"""Broken files of every kind end in one sentence; what the benchmark counts would be counted."""

import random
import signal
import sys

import pytest

from benchmarks.hostile import breakage
from benchmarks.hostile.__main__ import empty_checkpoint, measure
from benchmarks.hostile.run import MEMORY, Outcome, run
from posembed.cli import app

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the processes are forked and measured as Linux does")
FILES = 25  # a few seconds; the whole is run by hand: python -m benchmarks.hostile


def test_broken_files_of_every_kind():
    faults, outcomes, kinds = measure(FILES, 1)
    assert faults == {}
    assert len(outcomes) == 2 * FILES
    assert set(kinds) == {"safetensors", "index", "archive", "pickle", "JSON"}
    codes = {outcome.code for outcome in outcomes}
    assert codes == {0, 1, 2}


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (Outcome(1, 0.1, 0, "Traceback (most recent call last): ...\nValueError: x"), "traceback"),
        (Outcome(-signal.SIGSEGV, 0.1, 0), "crash"),
        (Outcome(-signal.SIGALRM, 0.1, 0), "hang"),
        (Outcome(0, 11.0, 0), "over 10 s"),
        (Outcome(0, 0.1, MEMORY + 1), "memory"),
        (Outcome(1, 0.1, 0, "long message"), "long message"),
    ],
)
def test_every_fault_has_a_name(outcome, fault):
    assert outcome.faults(MEMORY) == [fault]
    assert Outcome(1, 0.1, MEMORY).faults(MEMORY) == []


def crash():
    raise KeyError("not caught")


def take_memory():
    held = bytearray(300 << 20)
    held[:: 1 << 12] = b"\1" * len(held[:: 1 << 12])
    sys.exit(0)


def end_itself():
    signal.raise_signal(signal.SIGKILL)


def talk():
    sys.stderr.write("x" * 20_000)
    sys.exit(1)


def print_infinity():
    sys.stdout.write('{"a": Infinity}')
    sys.exit(0)


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        *((crash, "traceback"), (end_itself, "crash"), (talk, "long message"), (print_infinity, "no JSON")),
        *((lambda: sys.exit(3), "exit code 3"), (lambda: sys.exit(1), "no message")),
    ],
)
def test_what_a_command_does_is_noticed(monkeypatch, command, fault):
    monkeypatch.setattr(app, "main", command)
    assert run(["inspect", "x", "--json"]).faults(1 << 40) == [fault]


def test_memory_is_measured(monkeypatch, tmp_path):
    words = ["inspect", str(empty_checkpoint(tmp_path / "empty"))]
    before = run(words)
    monkeypatch.setattr(app, "main", take_memory)
    assert run(words).memory - before.memory > 250 << 20


def test_the_same_seed_breaks_alike():
    one, other = (breakage.bytes_of(bytes(range(256)), random.Random(7)) for _ in range(2))
    assert one == other != bytes(range(256))
