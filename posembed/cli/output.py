"""What the commands share: their common options, where they print, and the pages that they write."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from posembed.errors import InvalidArgumentError, PosembedError
from posembed.report.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from posembed.observer import Observer

Checkpoint = Annotated[
    str | os.PathLike[str],
    Parameter(help="A Transformers or sentence-transformers directory, a file, a hub's model name, or an address."),
]
Model = Annotated[
    str | os.PathLike[str],
    Parameter(
        help="Directory of an embedding model, or of a causal or masked language model; or its name on a hub, or its "
        "address."
    ),
]
AsJson = Annotated[bool, Parameter(help="Print one JSON document on standard output.")]
LogDir = Annotated[
    Path | None, Parameter(help="Write TensorBoard event files to DIR: losses and speed of the training.")
]
Html = Annotated[Path | None, Parameter(help="Write a report with charts to FILE, one offline page.")]


@contextlib.contextmanager
def followed(log_dir: Path | None, *, resume: bool) -> Iterator[Observer]:
    """Show a long call on the terminal while the body runs, and write TensorBoard's event files where asked to."""
    from posembed.report.terminal.progress import TerminalObserver

    with contextlib.ExitStack() as stack:
        observer: Observer = stack.enter_context(TerminalObserver())
        if log_dir is not None:
            from posembed.integrations.tensorboard import TensorBoardObserver

            observer = stack.enter_context(TensorBoardObserver(log_dir, observer, resume=resume))
        yield observer


def refuse_inside(name: str, place: str | Path, log_dir: Path | None, why: str) -> None:
    """Refuse a directory of event files inside another directory of the call.

    Args:
        name: argument of the other directory.
        place: the directory; ``stdlib`` is none.
        log_dir: where event files would be written, or ``None``.
        why: what the other directory is for, as a clause.

    Raises:
        InvalidArgumentError: naming both.
    """
    if log_dir is not None and place != "stdlib" and log_dir.absolute().is_relative_to(Path(place).absolute()):
        raise InvalidArgumentError(
            f"log_dir={str(log_dir)!r} lies inside {name}={str(place)!r}, {why}: give another `log_dir`"
        )


def standard_output() -> Console:
    """Return a console on standard output, as wide as tables need where no window sets the width."""
    from rich.console import Console

    # Names are printed as they are: ":smile:" is not turned into an emoji.
    return Console(emoji=False) if sys.stdout.isatty() else Console(emoji=False, width=160)


def say(sentence: str) -> None:
    """Print one line on standard error; if nobody can read it there, the exit code must do."""
    with contextlib.suppress(OSError):
        print(f"posembed: {printable(sentence)}", file=sys.stderr, flush=True)


def print_json(document: Mapping[str, object]) -> None:
    """Print a result as the one JSON document on standard output.

    JSON has no infinite numbers: those of a configuration (``1e999``, ``Infinity``) are printed as text.
    """
    try:
        text = json.dumps(document, indent=1, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(document), indent=1, allow_nan=False)
    print(text)


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def write_html(file: Path, text: str) -> None:
    """Write a page and say so on standard error."""
    from posembed.report.html.page import write_page

    say(f"wrote {write_page(file, text)}")


def prepare_html(file: Path) -> None:
    """Check before the work, not after it, that a page can be drawn and written.

    Raises:
        MissingExtraError: the plotting library is not installed.
        InvalidArgumentError: the file is something else than a report of posembed, or cannot be written.
    """
    from posembed.report.html.page import refuse_other_files, require_plotly

    require_plotly()
    refuse_other_files(file)


def offer_evaluation(out: Path, checkpoint: str | os.PathLike[str]) -> None:
    """Name the next step after a checkpoint was written, where ``posembed evaluate`` supports it."""
    if _is_text_model(out):
        say(f"next: posembed evaluate {shlex.quote(str(out))} --original {shlex.quote(without_secrets(checkpoint))}")


def without_secrets(word: str | os.PathLike[str]) -> str:
    """Return a word of the command line as it may be printed: addresses without passwords and signatures."""
    text = os.fspath(word)
    if "://" not in text:
        return text
    from posembed.checkpoint.remote.address import redacted

    return redacted(text)


def _is_text_model(folder: Path) -> bool:
    from posembed.quality.models.purpose import kind_name  # no torch, but numpy

    try:
        return bool(kind_name(folder))
    except (PosembedError, OSError):  # of another kind, or with files that nobody can read
        return False
