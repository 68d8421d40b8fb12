"""``posembed evaluate``: evaluate a model on long inputs."""

from __future__ import annotations

from posembed.cli.command import command
from posembed.cli.output import AsJson, Html, Model, prepare_html, print_json, standard_output, write_html
from posembed.records.evaluate import EvaluateOptions


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

        write_html(html, evaluate_page(results))
    if as_json:
        print_json(results.to_dict())
        return
    from posembed.report.terminal.evaluate import print_evaluation

    print_evaluation(results, standard_output())
