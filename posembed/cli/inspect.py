"""``posembed inspect``: show the position tables of one checkpoint, or compare those of two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from posembed.cli.command import command
from posembed.cli.output import AsJson, Checkpoint, Html, prepare_html, print_json, standard_output, write_html
from posembed.errors import InvalidArgumentError
from posembed.records.inspect import Depth, InspectOptions

if TYPE_CHECKING:
    from posembed.inspection.card import CheckpointCard
    from posembed.inspection.compare_two import PairCard

_ALL = InspectOptions()


@command(aliases={"table_grid": "--grid"})
def inspect(
    checkpoint: Checkpoint,
    checkpoint_b: Annotated[Path | None, Parameter(help="Another checkpoint, to compare with the first.")] = None,
    /,
    options: InspectOptions = _ALL,
    *,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Show a checkpoint's position tables: which they are, what their rows mean, and what they learned."""
    if html is not None and not options.values:
        raise InvalidArgumentError("`html` draws the values of the tables: leave values=False out")
    if checkpoint_b is not None and not options.values:
        raise InvalidArgumentError("two checkpoints are compared by the values of their tables: leave values=False out")
    override = options.described
    if html is not None:
        prepare_html(html)
    from posembed.inspection.card import read_card

    keys = list(options.tables) if options.tables else None
    measured: Depth = "views" if html is not None else "full" if as_json else "brief"
    depth = measured if options.values else "none"
    if checkpoint_b is None:
        _show_card(read_card(checkpoint, override=override, keys=keys, depth=depth), html, as_json)
        return
    from posembed.inspection.compare_two import pair_cards

    if override is not None:
        raise InvalidArgumentError(
            "`reserved`, `prefix` and `table_grid` describe one checkpoint: inspect each by itself"
        )
    first, second = (read_card(each, keys=keys, depth=depth, elsewhere=True) for each in (checkpoint, checkpoint_b))
    known = {each.table.key for card in (first, second) for each in card.tables}
    for key in keys or ():
        if key not in known:
            raise InvalidArgumentError(f"tables={key!r}: neither checkpoint has a position table of that name")
    _show_pair(pair_cards(first, second), html, as_json)


def _show_card(card: CheckpointCard, html: Path | None, as_json: bool) -> None:
    if html is not None:
        from posembed.report.html.inspect import inspect_page

        write_html(html, inspect_page(card.with_views()))
    if as_json:
        print_json(card.to_dict())
        return
    from posembed.report.terminal.inspect import print_card

    print_card(card.to_dict(), standard_output())


def _show_pair(pair: PairCard, html: Path | None, as_json: bool) -> None:
    if html is not None:
        from posembed.report.html.inspect_two import pair_page

        write_html(html, pair_page(pair.with_views()))
    if as_json:
        print_json(pair.to_dict())
        return
    from posembed.report.terminal.inspect import print_pair

    print_pair(pair.to_dict(), standard_output())
