"""The command line: parses, calls, prints."""

from __future__ import annotations

import io
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from posembed._version import __version__
from posembed.cli.checkpoint import extend, inspect
from posembed.cli.lesson import lesson, quiz
from posembed.cli.quality import calibrate, evaluate
from posembed.lab.config import UnitConfig

app = typer.Typer(
    name="posembed",
    help="Learned position tables for Transformers: build, compare, inspect, extend and explain them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(value: bool) -> None:
    if value:
        print(f"posembed {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


@app.command()
def compare(
    data: Annotated[
        str, typer.Option(help="stdlib (the running Python's standard library), a text file, or a directory.")
    ] = "stdlib",
    encodings: Annotated[
        str,
        typer.Option(help="Comma-separated: learned, sinusoidal, rope, alibi, none, learned-from-sinusoid."),
    ] = "learned,sinusoidal",
    model: Annotated[str, typer.Option(help="decoder (next token) or encoder (masked tokens).")] = UnitConfig.model,
    seeds: Annotated[int, typer.Option(help="Number of seeds; with one, intervals are over documents only.")] = 1,
    first_seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    train_length: Annotated[int, typer.Option(help="Training length in tokens.")] = UnitConfig.train_length,
    steps: Annotated[int, typer.Option(help="Optimizer steps of each unit.")] = UnitConfig.steps,
    batch_size: Annotated[int, typer.Option(help="Sequences in a step.")] = UnitConfig.batch_size,
    layers: Annotated[int, typer.Option(help="Transformer layers.")] = UnitConfig.layers,
    d_model: Annotated[int, typer.Option("--d-model", help="Width.")] = UnitConfig.d_model,
    heads: Annotated[int, typer.Option(help="Attention heads.")] = UnitConfig.heads,
    learning_rate: Annotated[float, typer.Option(help="AdamW's peak learning rate.")] = UnitConfig.learning_rate,
    sinusoid_rms: Annotated[
        float, typer.Option(help="Root mean square of the sinusoid; the bare formula has 0.7071.")
    ] = UnitConfig.sinusoid_rms,
    tokenizer: Annotated[str, typer.Option(help="A tokenizer.json; without it, tokens are bytes.")] = "",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    precision: Annotated[str, typer.Option(help="auto (bf16 where the hardware has it), bf16 or fp32.")] = "auto",
    threads: Annotated[int, typer.Option(help="Threads of each unit.")] = UnitConfig.threads,
    jobs: Annotated[int | None, typer.Option(help="Units side by side; by default cores / threads.")] = None,
    compile_model: Annotated[bool, typer.Option("--compile", help="Use torch.compile.")] = False,
    out: Annotated[Path | None, typer.Option(help="Directory for results.json, tables and plots.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what --out holds.")] = False,
    plots: Annotated[
        bool, typer.Option("--plots/--no-plots", help="Draw PNG plots and report.html into --out.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json on standard output.")] = False,
    require_below_bigram: Annotated[
        float | None,
        typer.Option(help="End with 1 unless every arm is at least this many nats below the bigram baseline."),
    ] = None,
) -> None:
    """Train learned positions against others on the same text, and measure what differs."""
    from rich.console import Console

    from posembed.report import plots as pictures
    from posembed.report.html.compare import compare_page, trained_tables
    from posembed.report.html.page import require_plotly, write_page
    from posembed.report.terminal import compare as text
    from posembed.report.terminal import progress as live

    drawn = plots and out is not None
    if drawn:
        pictures.require_matplotlib()
        require_plotly()
    messages = Console(stderr=True)
    messages.print("reading the corpus …", highlight=False)
    from posembed.commands.compare import RESULTS
    from posembed.commands.compare import compare as run

    with live.LiveProgress(messages, steps) as progress:
        results = run(
            data,
            encodings=[name.strip() for name in encodings.split(",") if name.strip()],
            model=model,
            seeds=seeds,
            first_seed=first_seed,
            train_length=train_length,
            steps=steps,
            batch_size=batch_size,
            layers=layers,
            d_model=d_model,
            heads=heads,
            learning_rate=learning_rate,
            sinusoid_rms=sinusoid_rms,
            tokenizer=tokenizer,
            device=device,
            precision=precision,
            threads=threads,
            jobs=jobs,
            compile=compile_model,
            out=out,
            resume=resume,
            on_event=progress,
        )
    if out is not None:
        (out / "report.md").write_text(text.markdown(results), encoding="utf-8")
        if drawn:
            pictures.draw_comparison(results, out)
            write_page(out / "report.html", compare_page(results, trained_tables(results, out)))
    if as_json:
        print(json.dumps(results, indent=1, allow_nan=False))
    else:
        # Where nobody's window sets the width, tables get the room that they need.
        text.print_results(results, Console() if sys.stdout.isatty() else Console(width=120))
    if out is not None:
        where = f"Results: {out / RESULTS}, report.md" + (f", report.html, plots: {out / 'plots'}" if drawn else "")
        messages.print(where, markup=False, highlight=False, soft_wrap=True)
    _end(results, require_below_bigram)


app.command()(inspect)
app.command()(extend)
app.command()(evaluate)
app.command()(calibrate)
app.command()(lesson)
app.command()(quiz)


def _end(results: dict[str, Any], below_bigram: float | None) -> None:
    """Exit with 1 where an arm did not finish, or did not learn enough to prove anything."""
    wrong = [f"{arm['encoding']} did not finish" for arm in results["arms"] if arm["status"] != "finished"]
    bigram = results["baselines"]["bigram"]["mean"]
    if below_bigram is not None and not wrong:
        for arm in results["arms"]:
            gain = bigram - arm["quality"]["mean"]
            if gain < below_bigram:
                wrong.append(
                    f"{arm['encoding']} ended {gain:.3f} nats below the bigram baseline, "
                    f"{below_bigram:g} are asked for: this run proved nothing"
                )
    if wrong:
        _say("; ".join(wrong))
        raise typer.Exit(1)


def _say(sentence: str) -> None:
    from posembed.report.printable import printable

    print(f"posembed: {printable(sentence)}", file=sys.stderr)


def main() -> NoReturn:
    """Run the command line; every error of ours is one sentence and an exit code."""
    from posembed.errors import PosembedError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # ± on an ASCII terminal must not lose the results
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except PosembedError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("stopped")
        sys.exit(130)
    except SystemExit as end:
        if end.code == 130:  # what the library of the command line makes of Ctrl-C, without a word
            _say("stopped")
        raise
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that may not be written
        _say(str(error))
        sys.exit(1)
    sys.exit(0)
