"""``posembed compare``: train small models that differ only in their position encoding, and compare them."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from posembed.cli.command import command
from posembed.cli.output import AsJson, LogDir, followed, print_json, refuse_inside, say
from posembed.errors import MissingExtraError
from posembed.files import write_whole
from posembed.records.compare import CompareOptions
from posembed.records.comparison import Comparison

_DEFAULT = CompareOptions()


@command()
def compare(
    *,
    options: CompareOptions = _DEFAULT,
    plots: Annotated[bool, Parameter(help="Draw PNG plots and report.html into the output directory.")] = True,
    log_dir: LogDir = None,
    as_json: AsJson = False,
    require_below_bigram: Annotated[
        float | None,
        Parameter(help="Exit with 1 unless every encoding is at least X nats below the bigram baseline."),
    ] = None,
) -> None:
    """Train learned positions against others on the same text, and measure what differs."""
    from rich.console import Console

    from posembed.report import plots as pictures
    from posembed.report.html.compare import compare_page, trained_tables
    from posembed.report.html.page import require_plotly, write_page
    from posembed.report.terminal import compare as text

    out = options.out
    missing: MissingExtraError | None = None
    if plots and out is not None:
        try:
            pictures.require_matplotlib()
            require_plotly()
        except MissingExtraError as error:
            missing = error  # hours of training do not wait for it: the work is done, and the end says what to do
    drawn = plots and out is not None and missing is None
    from posembed.commands.compare import RESULTS
    from posembed.commands.compare import compare as run

    refuse_inside("data", options.data, log_dir, "whose files are the training text")
    with followed(log_dir, resume=options.resume) as observer:
        results = run(options=options, observer=observer)
    if out is not None:
        page = text.markdown(results)
        write_whole(out / "report.md", lambda file: file.write_text(page, encoding="utf-8"))
        if drawn:
            pictures.draw_comparison(results, out)
            write_page(out / "report.html", compare_page(results, trained_tables(results, out)))
    if as_json:
        print_json(results.to_dict())
    else:
        # Where nobody's window sets the width, tables get the room that they need.
        text.print_results(results, Console() if sys.stdout.isatty() else Console(width=120))
    if out is not None:
        where = f"Results: {out / RESULTS}, report.md" + (f", report.html, plots: {out / 'plots'}" if drawn else "")
        print(where, file=sys.stderr)
    if missing is not None:
        say(f"plots and report.html were not written: {missing}  and run the same command again with --resume")
    _end(results, require_below_bigram)


def _end(results: Comparison, below_bigram: float | None) -> None:
    """Exit with 1 where an arm did not finish, or did not learn enough for the comparison to mean anything."""
    wrong = [f"{arm.encoding} did not finish" for arm in results.arms if arm.status != "finished"]
    if below_bigram is not None and not wrong:
        for encoding, gain in results.below_bigram().items():
            if gain < below_bigram:
                wrong.append(
                    f"{encoding} ended {gain:.3f} nats below the bigram baseline, --require-below-bigram asks for "
                    f"{below_bigram:g}: the comparison is not meaningful, train longer"
                )
    if wrong:
        say("; ".join(wrong))
        sys.exit(1)
