"""``posembed evaluate``: evaluate a model on long inputs."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from posembed.cli.command import command, names_of
from posembed.cli.names import in_options
from posembed.cli.output import (
    AsJson,
    Html,
    Model,
    prepare_html,
    print_json,
    say,
    standard_output,
    without_secrets,
    write_html,
)
from posembed.records.evaluate import EvaluateOptions

if TYPE_CHECKING:
    from posembed.records.evaluation import Evaluation


@command()
def evaluate(checkpoint: Model, /, options: EvaluateOptions, *, html: Html = None, as_json: AsJson = False) -> None:
    """Evaluate a model on long inputs, compared with truncation or a sliding window of the original model."""
    if html is not None:
        prepare_html(html)
    from posembed.commands.evaluate import evaluate as run
    from posembed.report.terminal.progress import TerminalObserver

    with TerminalObserver() as observer:
        results = run(checkpoint, options, observer=observer)
    if html is not None:
        from posembed.report.html.evaluate import evaluate_page

        write_html(html, evaluate_page(_named(results)))
    if as_json:
        print_json(results.to_dict())
        return
    from posembed.report.terminal.evaluate import print_evaluation

    print_evaluation(_named(results), standard_output())
    if results.recorded_original is not None:
        words = ["posembed", *map(without_secrets, sys.argv[1:]), "--original", results.recorded_original]
        say(f"next: {shlex.join(words)}")


def _named(results: Evaluation) -> Evaluation:
    """Return the results with notes that name options, as the command line does."""
    return replace(results, notes=tuple(in_options(note, names_of(evaluate)) for note in results.notes))
