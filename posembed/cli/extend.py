"""``posembed extend``: write a copy of a checkpoint with longer position tables, or another image grid."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posembed.cli.command import command, names_of
from posembed.cli.names import in_options
from posembed.cli.output import AsJson, Checkpoint, offer_evaluation, print_json, say, standard_output, without_secrets
from posembed.errors import ModelCheckError, NoBetterMethodError
from posembed.records.check import Checked
from posembed.records.extend import ExtendOptions
from posembed.records.extension import refused
from posembed.records.search import MethodChoice


@command()
def extend(
    checkpoint: Checkpoint,
    out: Annotated[Path, Parameter(help="Path of the extended copy; must not exist.")],
    /,
    options: ExtendOptions,
    *,
    as_json: AsJson = False,
) -> None:
    """Write a copy of a checkpoint whose position tables are longer (or whose image grids have another size)."""
    from posembed.commands.extend import carry_out, prepare_extension
    from posembed.report.terminal.progress import TerminalObserver

    try:
        with TerminalObserver() as observer:
            plan = prepare_extension(checkpoint, out, options, observer=observer)
    except NoBetterMethodError as error:
        if isinstance(error.choice, MethodChoice):
            _print_refused(checkpoint, error.choice, as_json=as_json)
        raise
    if not as_json:
        from posembed.report.terminal.extend import print_extension

        record, names = plan.record(), names_of(extend)
        notes, blocked = (tuple(in_options(each, names) for each in said) for said in (record.notes, record.blocked))
        print_extension(replace(record, notes=notes, blocked=blocked), standard_output())
    if not options.dry_run:
        with TerminalObserver() as observer:
            try:
                plan = carry_out(plan, out, options, observer=observer)
            except ModelCheckError as error:
                if as_json and isinstance(error.checked, Checked):
                    print_json(replace(plan, checked=error.checked).to_dict())
                raise
        say(f"wrote {out}, copied bytes compared ({options.verify})")
        if plan.checked is not None:
            say(plan.checked.sentence)
    if as_json:
        print_json(plan.to_dict())
    if options.dry_run:
        plan.require_supported()  # the code is that of the call without --dry-run
        say("dry run: nothing was written")
    else:
        offer_evaluation(out, checkpoint)


def _print_refused(checkpoint: str | os.PathLike[str], choice: MethodChoice, *, as_json: bool) -> None:
    """Print what was measured where nothing is written."""
    if as_json:
        print_json(refused(without_secrets(checkpoint), choice).to_dict())
        return
    from posembed.report.terminal.search import print_search

    print_search(choice, standard_output())
