"""The command that judges a checkpoint on long inputs: ``evaluate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from posembed.cli_output import standard_output
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
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Judge a checkpoint on long inputs, beside what the model gave before it was extended."""
    sizes: list[int] | None = None if lengths is None else []
    for word in () if lengths is None else lengths.split(","):
        if not word.strip().isdecimal():
            raise InvalidArgumentError(f"--lengths {lengths!r} must be whole numbers with commas, such as 512,1024")
        assert sizes is not None
        sizes.append(int(word))
    from rich.console import Console

    from posembed.lab.evaluation.run import evaluate as run

    messages = Console(stderr=True)
    with messages.status("starting") as status:
        results = run(
            checkpoint,
            original=original,
            data=data,
            lengths=sizes,
            tasks=[word.strip() for word in tasks.split(",") if word.strip()],  # type: ignore[misc]
            documents=documents,
            pool=pool,
            short=short,
            precision=precision,
            seed=seed,
            tell=status.update,
        )
    if as_json:
        print(json.dumps(results, indent=1, allow_nan=False), file=sys.stdout)
        return
    from posembed.report.evaluation import print_evaluation

    print_evaluation(results, standard_output())
