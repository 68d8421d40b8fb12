"""``posembed inspect``: show the position tables of one checkpoint, or compare those of two."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from posembed.cli.command import command
from posembed.cli.output import AsJson, Checkpoint, Html, prepare_html, print_json, standard_output, write_html
from posembed.errors import InvalidArgumentError
from posembed.records.inspect import Depth, InspectOptions

if TYPE_CHECKING:
    from posembed.records.card import CheckpointCard, PairCard

_ALL = InspectOptions()


@command(aliases={"table_grid": "--grid"})
def inspect(
    checkpoint: Checkpoint,
    checkpoint_b: Annotated[
        str | os.PathLike[str] | None, Parameter(help="Another checkpoint, to compare with the first.")
    ] = None,
    /,
    options: InspectOptions = _ALL,
    *,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Show a checkpoint's position tables: which they are, what their rows mean, and what they learned."""
    if html is not None and not options.values:
        raise InvalidArgumentError("`html` draws the values of the tables: leave values=False out")
    if html is not None:
        prepare_html(html)
    from posembed.commands.inspect import compare_checkpoints, inspect_checkpoint

    depth: Depth = "views" if html is not None else "full" if as_json else "brief"
    options = replace(options, depth=depth)
    if checkpoint_b is None and options.run:
        from posembed.report.terminal.progress import TerminalObserver

        with TerminalObserver() as observer:
            card = inspect_checkpoint(checkpoint, options, observer=observer)
        _show_card(card, html, as_json)
    elif checkpoint_b is None:
        _show_card(inspect_checkpoint(checkpoint, options), html, as_json)
    else:
        _show_pair(compare_checkpoints(checkpoint, checkpoint_b, options), html, as_json)


def _show_card(card: CheckpointCard, html: Path | None, as_json: bool) -> None:
    if html is not None:
        from posembed.report.html.inspect import inspect_page

        write_html(html, inspect_page(card))
    if as_json:
        print_json(card.to_dict())
        return
    from posembed.report.terminal.inspect import print_card

    print_card(card, standard_output())


def _show_pair(pair: PairCard, html: Path | None, as_json: bool) -> None:
    if html is not None:
        from posembed.report.html.inspect_two import pair_page

        write_html(html, pair_page(pair))
    if as_json:
        print_json(pair.to_dict())
        return
    from posembed.report.terminal.inspect import print_pair

    print_pair(pair, standard_output())
