"""``posembed lesson``: explain learned positions, as text or as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posembed.cli.command import command
from posembed.cli.output import prepare_html, standard_output, write_html


@command()
def lesson(
    *,
    html: Annotated[Path | None, Parameter(help="Write the lesson to FILE, as one interactive offline page.")] = None,
    checkpoint: Annotated[
        Path | None,
        Parameter(
            help="Directory of the text model whose table is shown (default: all-MiniLM-L6-v2, where it is installed).",
            metavar="DIR",
        ),
    ] = None,
    results: Annotated[
        Path | None, Parameter(help="A results.json of posembed compare, shown instead of the built-in run.")
    ] = None,
) -> None:
    """Explain learned positions; every number is computed, or from a measured run."""
    if html is not None:
        prepare_html(html)
    from posembed.lesson.content import build_lesson

    sections = build_lesson(checkpoint, results)
    if html is None:
        from posembed.lesson.terminal import print_lesson

        print_lesson(sections, standard_output())
        return
    from posembed.lesson.page import lesson_page

    write_html(html, lesson_page(sections))
