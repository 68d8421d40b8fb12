"""What the commands share: their common options, where they print, and the pages that they write."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from posembed.errors import PosembedError
from posembed.report.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

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
Html = Annotated[Path | None, Parameter(help="Write a report with charts to FILE, one offline page.")]


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
