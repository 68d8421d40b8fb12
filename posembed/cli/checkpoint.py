"""The commands that read and write checkpoints: ``inspect`` and ``extend``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posembed.cli.output import prepare_html, standard_output, write_html
from posembed.errors import InvalidArgumentError

if TYPE_CHECKING:
    from posembed.inspection.card import CheckpointCard, Depth
    from posembed.inspection.compare_two import PairCard
    from posembed.records.override import Override

Key = Annotated[list[str] | None, typer.Option("--table", metavar="KEY", help="A tensor's name in the file.")]
Reserved = Annotated[int | None, typer.Option(help="With one --table: rows before position 0, as they are now.")]
Prefix = Annotated[int | None, typer.Option(help="With one --table: rows of extra tokens before the positions.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def inspect(
    checkpoint: Annotated[Path, typer.Argument(help="A Transformers or sentence-transformers directory, or a file.")],
    checkpoint_b: Annotated[
        Path | None, typer.Argument(metavar="CHECKPOINT_B", help="Another one, to lay beside the first.")
    ] = None,
    table: Key = None,
    reserved: Reserved = None,
    prefix: Prefix = None,
    grid: Annotated[
        str | None, typer.Option("--grid", "--table-grid", metavar="HxW", help="With one --table: its grid, as it is.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report with charts, one offline file.")
    ] = None,
    values: Annotated[
        bool, typer.Option("--values/--no-values", help="--no-values: headers and configuration only, no measures.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Show a checkpoint's position tables: which they are, what their rows mean, and what they learned."""
    if html is not None and not values:
        raise InvalidArgumentError("--html draws the tables' values: leave --no-values out")
    if checkpoint_b is not None and not values:
        raise InvalidArgumentError("two checkpoints are compared by their tables' values: leave --no-values out")
    override = _override(table, reserved, prefix, grid, "--grid")
    if html is not None:
        prepare_html(html)
    from posembed.inspection.card import read_card

    depth: Depth = "views" if html is not None else "full" if as_json else "brief"
    depth = depth if values else "none"
    if checkpoint_b is None:
        _show_card(read_card(checkpoint, override=override, keys=table, depth=depth), html, as_json)
        return
    from posembed.inspection.compare_two import pair_cards

    if override is not None:
        raise InvalidArgumentError("--reserved, --prefix and --grid are of one checkpoint: inspect each by itself")
    first, second = (read_card(each, keys=table, depth=depth, elsewhere=True) for each in (checkpoint, checkpoint_b))
    known = {each.table.key for card in (first, second) for each in card.tables}
    for key in table or ():
        if key not in known:
            raise InvalidArgumentError(f"--table {key}: neither checkpoint has a position table of that name")
    _show_pair(pair_cards(first, second), html, as_json)


def _show_card(card: CheckpointCard, html: Path | None, as_json: bool) -> None:
    if html is not None:
        from posembed.report.html.inspect import inspect_page

        write_html(html, inspect_page(card.with_views()))
    if as_json:
        print(json.dumps(card.to_dict(), indent=1, allow_nan=False))
        return
    from posembed.report.terminal.inspect import print_card

    print_card(card.to_dict(), standard_output())


def _show_pair(pair: PairCard, html: Path | None, as_json: bool) -> None:
    if html is not None:
        from posembed.report.html.inspect_two import pair_page

        write_html(html, pair_page(pair.with_views()))
    if as_json:
        print(json.dumps(pair.to_dict(), indent=1, allow_nan=False))
        return
    from posembed.report.terminal.inspect import print_pair

    print_pair(pair.to_dict(), standard_output())


def extend(
    checkpoint: Annotated[Path, typer.Argument(help="A Transformers or sentence-transformers directory, or a file.")],
    out: Annotated[Path, typer.Argument(help="Where the extended copy goes; it must not exist.")],
    to: Annotated[int | None, typer.Option(help="Usable positions of every sequence table.")] = None,
    grid: Annotated[str | None, typer.Option(metavar="HxW", help="Patches of every image table.")] = None,
    image_size: Annotated[str | None, typer.Option(metavar="PX", help="Pixels of the images: 384 or 384x512.")] = None,
    method: Annotated[str, typer.Option(help="auto, or a method's name (a wrong one lists them all).")] = "auto",
    table: Key = None,
    reserved: Reserved = None,
    prefix: Prefix = None,
    table_grid: Annotated[str | None, typer.Option(metavar="HxW", help="With one --table: its grid as it is.")] = None,
    keep: Annotated[int | None, typer.Option(help="stretch, mean: first rows that stay exact.")] = None,
    range_: Annotated[
        int | None, typer.Option("--range", help="stretch, tile, mean: rows that were really trained.")
    ] = None,
    kernel: Annotated[str | None, typer.Option(help="stretch: linear or cubic.")] = None,
    ratio: Annotated[
        int | None, typer.Option(help="stretch: draw rows out so many times, then repeat; by default to the end.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="hierarchical: the weight of the coarse position.")] = None,
    seed: Annotated[int | None, typer.Option(help="random: the seed of the new rows.")] = None,
    antialias: Annotated[bool | None, typer.Option(help="bicubic, bilinear: filter when shrinking.")] = None,
    align_corners: Annotated[bool | None, typer.Option(help="bicubic, bilinear: corners on corners.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="With --method auto: choose by data (stdlib, FILE, DIR): by passkeys, or by a language model's loss."
        ),
    ] = None,
    length_aware: Annotated[
        bool,
        typer.Option("--length-aware", help="Write tables by length too: short inputs keep every bit."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and write nothing.")] = False,
    as_json: AsJson = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing OUT.")] = False,
    link: Annotated[bool, typer.Option("--link", help="Hard-link the files that do not change.")] = False,
    verify: Annotated[str, typer.Option(help="sampled, or full: compare every copied byte.")] = "sampled",
) -> None:
    """Write a copy of a checkpoint whose position tables are longer (or whose image grids have another size)."""
    given = {"--to": to, "--grid": grid, "--image-size": image_size}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        got = " and ".join(named) or "none of them"
        raise InvalidArgumentError(f"exactly one of --to N, --grid HxW and --image-size PX must be given, got {got}")
    if verify not in ("sampled", "full"):
        raise InvalidArgumentError(f"--verify {verify!r} must be 'sampled' or 'full'")
    from posembed.commands.extend import carry_out, prepare_extension
    from posembed.records.extend import ExtendOptions

    options = ExtendOptions(
        length=to,
        grid=None if grid is None else _pair("--grid", grid),
        image_size=None if image_size is None else _pixels(image_size),
        method=method,
        tables=tuple(table) if table else None,
        override=_override(table, reserved, prefix, table_grid, "--table-grid"),
        keep=keep,
        range=range_,
        kernel=kernel,  # type: ignore[arg-type]  # checked by the method
        ratio=ratio,
        alpha=alpha,
        seed=seed,
        antialias=antialias,
        align_corners=align_corners,
        data=data,
        length_aware=length_aware,
        dry_run=dry_run,
        force=force,
        link=link,
        verify=verify,  # type: ignore[arg-type]  # checked above
    )
    from rich.console import Console

    from posembed.observer import Callbacks

    with Console(stderr=True).status("starting") as status:
        plan = prepare_extension(checkpoint, out, options, observer=Callbacks(message=status.update))
    if not as_json:
        from posembed.report.terminal.extend import print_extension

        print_extension(plan.record(), standard_output())
    if not dry_run:
        from posembed.report.printable import printable
        from posembed.report.terminal.progress import BytesProgress

        with BytesProgress(Console(stderr=True)) as progress:
            shown = Callbacks(progress=lambda update: progress(update.done or 0, update.total or 0))
            plan = carry_out(plan, out, options, observer=shown)
        print(f"posembed: wrote {printable(out)}, read back and checked ({verify})", file=sys.stderr)
    if as_json:
        print(json.dumps(plan.to_dict(), indent=1))
    if dry_run:
        plan.require_supported()  # the code is that of the call without --dry-run


def _override(
    keys: list[str] | None, reserved: int | None, prefix: int | None, grid: str | None, grid_name: str
) -> Override | None:
    from posembed.records.override import Override

    if reserved is None and prefix is None and grid is None:
        return None
    if keys is None or len(keys) != 1:
        raise InvalidArgumentError(
            f"--reserved, --prefix and {grid_name} say what the rows of one --table KEY are: name it"
        )
    for name, value in (("--reserved", reserved), ("--prefix", prefix)):
        if value is not None and value < 0:
            raise InvalidArgumentError(f"{name} {value} must not be negative")
    return Override(keys[0], reserved or 0, prefix, None if grid is None else _pair(grid_name, grid))


def _pair(name: str, text: str) -> tuple[int, int]:
    """``14x20`` as (14, 20)."""
    match = re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", text.strip().lower())
    if match is None or int(match[1]) < 1 or int(match[2]) < 1:
        raise InvalidArgumentError(f"{name} {text!r} must be HEIGHTxWIDTH in patches, such as 24x24")
    return int(match[1]), int(match[2])


def _pixels(text: str) -> int | tuple[int, int]:
    if re.fullmatch(r"\d{1,6}", text.strip()) and int(text) > 0:
        return int(text)
    match = re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", text.strip().lower())
    if match is None or int(match[1]) < 1 or int(match[2]) < 1:
        raise InvalidArgumentError(f"--image-size {text!r} must be pixels, such as 384 or 384x512 (height x width)")
    return int(match[1]), int(match[2])
