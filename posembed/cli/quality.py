"""The commands that judge a checkpoint on long inputs, ``evaluate``, and make it better at them, ``calibrate``."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from posembed.cli.output import prepare_html, standard_output, write_html
from posembed.errors import InvalidArgumentError

_LENGTHS = "128,256,512,1024,2048,4096"


def evaluate(
    checkpoint: Annotated[
        Path, typer.Argument(help="Directory of an embedding model, or of a causal or masked language model.")
    ],
    original: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The model before it was extended; baselines cut to its length.")
    ] = None,
    data: Annotated[str, typer.Option(help="stdlib, a text file, or a directory of text files.")] = "stdlib",
    lengths: Annotated[
        str | None,
        typer.Option(
            help=f"Lengths of the documents in tokens, with commas. By default {_LENGTHS}; or the original's × 1, 2, 4."
        ),
    ] = None,
    tasks: Annotated[
        str, typer.Option(help="Of embedding models: passkey, needle, paragraph.")
    ] = "passkey,needle,paragraph",
    documents: Annotated[int, typer.Option(help="Documents of each cell, a multiple of --pool.")] = 200,
    pool: Annotated[int, typer.Option(help="Documents that a query is ranked against.")] = 100,
    short: Annotated[
        int | None, typer.Option(help="Longest short text in tokens, without special ones; by default at most 126.")
    ] = None,
    precision: Annotated[str, typer.Option(help="auto (bf16 where the hardware has it), bf16 or fp32.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report with charts, one offline file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Judge a checkpoint on long inputs, beside what the model gave before it was extended."""
    sizes: list[int] | None = None if lengths is None else []
    for word in () if lengths is None else lengths.split(","):
        if not word.strip().isdecimal():
            raise InvalidArgumentError(f"--lengths {lengths!r} must be whole numbers with commas, such as 512,1024")
        assert sizes is not None
        sizes.append(int(word))
    if html is not None:
        prepare_html(html)
    from rich.console import Console

    from posembed.commands.evaluate import evaluate as run
    from posembed.observer import Callbacks

    messages = Console(stderr=True)
    with messages.status("starting") as status:
        results = run(
            checkpoint,
            original=original,
            data=data,
            lengths=sizes,
            tasks=[word.strip() for word in tasks.split(",") if word.strip()],
            documents=documents,
            pool=pool,
            short=short,
            precision=precision,
            seed=seed,
            observer=Callbacks(message=status.update),
        )
    if html is not None:
        from posembed.report.html.evaluate import evaluate_page

        write_html(html, evaluate_page(results))
    if as_json:
        print(json.dumps(results.to_dict(), indent=1, allow_nan=False), file=sys.stdout)
        return
    from posembed.report.terminal.evaluate import print_evaluation

    print_evaluation(results, standard_output())


def calibrate(
    checkpoint: Annotated[
        Path, typer.Argument(help="Directory of an embedding model, or of a causal or masked language model.")
    ],
    out: Annotated[Path, typer.Argument(help="Where the calibrated copy goes; it must not exist.")],
    data: Annotated[str, typer.Option(help="Unlabelled text: stdlib, a text file, or a directory of text files.")],
    to: Annotated[int | None, typer.Option(help="Usable positions; by default as many as there are.")] = None,
    range_: Annotated[
        int | None, typer.Option("--range", help="With --to: so many first rows were really trained; begin with these.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(help="First positions whose rows stay bit for bit; by default as many as --range.")
    ] = None,
    document: Annotated[int | None, typer.Option(help="Tokens of a training input.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimizer steps; by default 250 for embedding models, 400 for others.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Of training at most: fewer steps are taken where not all fit.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Training inputs of a step; by default 16, or 8.")] = None,
    shift_rate: Annotated[
        float | None, typer.Option(help="Learning rate of the vector that all trained rows share.")
    ] = None,
    row_rate: Annotated[float | None, typer.Option(help="Learning rate of the rows.")] = None,
    facts: Annotated[
        float, typer.Option(help="Of embedding models: share of the training documents that hide facts, not words.")
    ] = 0.5,
    every: Annotated[int, typer.Option(help="Steps between two looks at the validation loss.")] = 50,
    patience: Annotated[int, typer.Option(help="Looks without a better loss, after which training ends.")] = 3,
    precision: Annotated[str, typer.Option(help="auto (bf16 where the hardware has it), bf16 or fp32.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    length_aware: Annotated[
        bool,
        typer.Option(
            "--length-aware", help="With --to: write tables by length too, so that short inputs read the old rows."
        ),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what OUT.calibrating holds.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing OUT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record on standard output.")] = False,
) -> None:
    """Train the position table of a checkpoint alone, on unlabelled text, and write a normal checkpoint."""
    from rich.console import Console

    from posembed.commands.calibrate import calibrate as run
    from posembed.observer import Callbacks, Progress
    from posembed.report.printable import printable
    from posembed.report.terminal.progress import LiveProgress

    messages = Console(stderr=True)
    stopping = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stopping
        if stopping:
            raise KeyboardInterrupt
        stopping = True

    def tell(word: str) -> None:
        if stopping:  # nothing that could be kept has been done yet
            raise KeyboardInterrupt
        messages.print(f"{word} …", markup=False, highlight=False)

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    progress: LiveProgress | None = None

    def show(update: Progress) -> None:
        nonlocal progress
        if progress is None:
            progress = LiveProgress(messages, update.total or 0).__enter__()
        message = {"phase": update.phase, "step": update.done, "loss": update.loss}
        progress(update.name, message | {"tokens_per_second": update.tokens_per_second})

    try:
        record = run(
            checkpoint,
            out,
            data=data,
            length=to,
            range=range_,
            keep=keep,
            document=document,
            steps=steps,
            minutes=minutes,
            batch=batch,
            shift_rate=shift_rate,
            row_rate=row_rate,
            facts=facts,
            every=every,
            patience=patience,
            precision=precision,
            seed=seed,
            length_aware=length_aware,
            resume=resume,
            force=force,
            observer=Callbacks(message=tell, progress=show, should_stop=lambda: stopping),
        )
    finally:
        if progress is not None:
            progress.__exit__(None, None, None)
        for number, handler in before.items():
            signal.signal(number, handler)
    print(f"posembed: wrote {printable(out)}, read back and checked", file=sys.stderr)
    if as_json:
        print(json.dumps(record.to_dict(), indent=1, allow_nan=False))
        return
    from posembed.report.terminal.calibrate import print_calibration

    print_calibration(record, standard_output())
