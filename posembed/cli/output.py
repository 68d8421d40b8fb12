"""What the commands share: where they print, and the pages that they write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def standard_output() -> Console:
    """Standard output, as wide as tables need where nobody's window sets the width."""
    from rich.console import Console

    # Names are printed as they are: ":smile:" is no picture.
    return Console(emoji=False) if sys.stdout.isatty() else Console(emoji=False, width=160)


def write_html(file: Path, text: str) -> None:
    """Write a page and say so on standard error."""
    from posembed.report.html.page import write_page
    from posembed.report.printable import printable

    print(f"posembed: wrote {printable(write_page(file, text))}", file=sys.stderr)


def prepare_html(file: Path) -> None:
    """Before the work, not after it: is the plotting library there, and may the file be written?"""
    from posembed.report.html.page import refuse_other_files, require_plotly

    require_plotly()
    refuse_other_files(file)
