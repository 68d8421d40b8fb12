"""The program ``posembed``: its commands, and ``main``, which turns every error into one sentence and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from cyclopts import CycloptsError

from posembed._version import __version__
from posembed.cli.command import names_of, switches_of
from posembed.cli.names import in_options
from posembed.cli.output import say
from posembed.cli.parser import Parser
from posembed.cli.usage import refuse_values_of_switches, sentence
from posembed.errors import PosembedError, first_line, os_reason

_STANDARD_ERROR = 2  # the last of the three descriptors that every process has
COMMANDS = {
    "inspect": "Show a checkpoint's position tables: what their rows mean and what they learned.",
    "extend": "Write a copy of a checkpoint with longer position tables.",
    "evaluate": "Evaluate a model on long inputs, compared with truncation or a sliding window.",
    "calibrate": "Train only the position table, on unlabeled text.",
    "compare": "Train small models that differ only in their position encoding, and compare them.",
    "lesson": "Explain learned positions, as text or as a page.",
    "quiz": "Ask eight questions and prove each answer.",
}
# Written out where the parser's own usage line would say "[ARGS]".
_USAGE = {"inspect": "posembed inspect [OPTIONS] CHECKPOINT [CHECKPOINT_B]"}

app = Parser(
    name="posembed",
    help="Learned position tables for Transformers: build, compare, inspect, extend and explain them.",
    help_format="plaintext",
    help_flags=["--help", "-h"],
    version=f"posembed {__version__}",
    version_flags="--version",
    group_parameters="Options",
)
for _place, (_name, _help) in enumerate(COMMANDS.items()):  # each is imported when it is called
    app.command(f"posembed.cli.{_name}:{_name}", name=_name, help=_help, sort_key=_place, usage=_USAGE.get(_name))
app.command(
    "posembed.cli.completion:install_completion",
    name="--install-completion",
    help="Install completion for your shell (bash, zsh, fish or PowerShell).",
)


def main() -> NoReturn:
    """Run the command line; every error of ours is one sentence and an exit code."""
    _open_streams()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code: str | int | None = _run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or _not_written(error)
    sys.exit(code)


def _run(words: list[str]) -> str | int | None:
    """Parse, call, and return the exit code."""
    names: Mapping[str, str] = {}
    if os.name == "nt":
        say("the command line needs Linux or macOS: on Windows, run it in WSL. The PyTorch modules work on Windows")
        return 2
    try:
        function, bound, _ = app.parse_args(words, print_error=False, exit_on_error=False)
        names = names_of(function)
        refuse_values_of_switches(words, switches_of(function))
        function(*bound.args, **bound.kwargs)
    except CycloptsError as error:
        say(sentence(error, COMMANDS))
        return 2
    except PosembedError as error:
        say(in_options(str(error), names))
        return error.exit_code
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except SystemExit as end:
        return end.code
    except MemoryError as error:  # a size that no machine has room for; the message says how much was asked for
        say(f"not enough memory: {first_line(error)}")
        return 1
    except BrokenPipeError as error:
        return _not_written(error)
    except OSError as error:  # a full disk, a folder that may not be written
        say(os_reason(error))
        return 1
    return 0 if words else 2  # without a word, the help was printed: nothing was asked for


def _open_streams() -> None:
    """Make standard output and error usable: whatever the terminal's encoding, and where they were closed."""
    # Where one of the three is closed (``posembed … >&-``), the next file that is opened takes its number, and what a
    # library prints would go into that file.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # ± on an ASCII terminal must not lose the results


def _not_written(error: OSError) -> int:
    """End without what is still in the buffer of standard output, and say why, unless its reader is merely gone."""
    if not isinstance(error, BrokenPipeError):
        say(f"standard output cannot be written: {os_reason(error)}")
    with contextlib.suppress(OSError, ValueError):  # standard output is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
