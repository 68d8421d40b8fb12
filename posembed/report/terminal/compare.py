"""A comparison's results as tables of words: for the terminal (rich) and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis, sinusoidal_table
from posembed.tables.measures.spectrum import effective_rank

Results = dict[str, Any]


@dataclass(frozen=True)
class TextTable:
    """A title, a header and rows, all words."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def number(value: float | None, digits: int = 3) -> str:
    """A number with a true minus sign, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def with_interval(interval: dict[str, Any] | None) -> str:
    """``mean ± half width``."""
    if interval is None or interval["mean"] is None:
        return "–"
    if interval["low"] is None:
        return number(interval["mean"])
    return f"{number(interval['mean'])} ± {number((interval['high'] - interval['low']) / 2)}"


def tables(results: Results) -> list[TextTable]:
    """The comparison in tables: quality, cost, lengths beyond training, flexibility."""
    return [part for part in (_quality(results), _cost(results), _beyond(results), _flexibility(results)) if part.rows]


def _quality(results: Results) -> TextTable:
    rows = []
    for arm in results["arms"]:
        quality = arm["quality"]
        if not quality:
            rows.append((arm["encoding"], arm["status"], "–", "–"))
            continue
        perplexity = number(quality["perplexity"])
        if quality["perplexity_low"] is not None and quality["perplexity_high"] is not None:
            perplexity += f" ({number(quality['perplexity_low'])} to {number(quality['perplexity_high'])})"
        rows.append((arm["encoding"], with_interval(quality), perplexity, number(quality["bits_per_token"])))
    length = results["configuration"]["train_length"]
    header = ("encoding", "loss (nats per token)", "perplexity", "bits per token")
    return TextTable(f"Quality on test documents at the training length, {length} tokens", header, rows)


def _cost(results: Results) -> TextTable:
    rows = []
    for arm in results["arms"]:
        cost, speed = arm["cost"], arm["speed"]
        rows.append(
            (
                arm["encoding"],
                *(f"{cost[name]:,}" if cost else "–" for name in ("parameters", "parameter_bytes", "fixed_bytes")),
                number(speed["seconds"], 1) if speed else "–",
                f"{speed['tokens_per_second']:,.0f}" if speed and speed["tokens_per_second"] else "–",
            )
        )
    header = ("encoding", "parameters", "their bytes", "bytes of fixed tables", "training (s)", "tokens/s")
    return TextTable("The position part, and the speed of training", header, rows)


def _beyond(results: Results) -> TextTable:
    factors = sorted({entry["factor"] for arm in results["arms"] for entry in arm["beyond"]})
    rows = []
    for arm in results["arms"]:
        for method in ("direct", "tile", "linear"):
            entries = {e["factor"]: e for e in arm["beyond"] if e["method"] in (method, "unavailable")}
            if method != "direct" and not any(e["method"] == method for e in entries.values()):
                continue
            if not entries:
                continue
            cells = [_beyond_cell(entries.get(factor)) for factor in factors]
            label = arm["encoding"] if method == "direct" else f"{arm['encoding']} + {method}"
            rows.append((label, *cells))
    length = results["configuration"]["train_length"]
    header = ("encoding", *(f"{factor:g}× ({round(factor * length)})" for factor in factors))
    title = (
        "Beyond the training length: loss of the tokens past it (at 1×: of all), nats per token, on the same documents"
    )
    return TextTable(title, header, rows)


def _beyond_cell(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return "–"
    if entry["method"] == "unavailable":
        return "texts too short"
    if entry["loss"] is None:
        return "error: no rows"
    return with_interval(entry["loss_beyond"] or entry["loss"])


def _flexibility(results: Results) -> TextTable:
    rows = []
    for arm in results["arms"]:
        f = arm["flexibility"]
        if f is not None:
            rows.append(
                (
                    arm["encoding"],
                    f"{f['functions']:.0f} of {f['rows']:.0f}",
                    f"{number(f['explained_share'])} ({number(f['explained_share_random'])})",
                    f"{number(f['effective_rank'], 1)} ({number(f['effective_rank_random'], 1)})",
                )
            )
    if rows:
        rows.append(_fixed_row(results))
    header = (
        "table",
        "sinusoids in the basis",
        "share of the variance that they explain (of random rows)",
        "effective rank (of random rows)",
    )
    return TextTable("Flexibility: how far is a trained table from a few slow sinusoids?", header, rows)


def _fixed_row(results: Results) -> tuple[str, str, str, str]:
    """The fixed encoding by the same measures: most of its variance, not all, lies in so few of its own sinusoids."""
    rows, width = (results["configuration"][name] for name in ("train_length", "d_model"))
    functions = next(int(a["flexibility"]["functions"]) for a in results["arms"] if a["flexibility"] is not None)
    fixed = sinusoidal_table(rows, width)
    share = explained_share(fixed, sinusoidal_basis(rows, functions))
    return ("(the sinusoid itself)", f"{functions} of {rows}", number(share), number(effective_rank(fixed), 1))


def remarks(results: Results) -> list[str]:
    """Baselines, what the intervals cover, errors and how this was measured, a sentence each."""
    lines = []
    base = results["baselines"]
    lines.append(
        "Counting baselines on the same test windows: "
        + ", ".join(f"{name} {with_interval(base[name])}" for name in ("unigram", "bigram"))
        + " nats per token."
    )
    evaluation, configuration = results["evaluation"], results["configuration"]
    seeds = configuration["seeds"]
    over = evaluation["interval_over"]
    lines.append(
        f"± is a {evaluation['confidence']:.0%} confidence interval over {over}"
        + (" only (one seed)" if len(seeds) == 1 else f" ({len(seeds)} seeds)")
        + f": {evaluation['documents']} test documents, {evaluation['windows']} windows."
    )
    for arm in results["arms"]:
        lines += [f"{arm['encoding']}: {message}" for message in arm["messages"]]
        error = next((e["message"] for e in arm["beyond"] if e["method"] == "direct" and e["loss"] is None), None)
        if error:
            lines.append(f"{arm['encoding']} past its table: {error}")
    missing = {
        e["factor"]: e["message"] for arm in results["arms"] for e in arm["beyond"] if e["method"] == "unavailable"
    }
    lines += [f"{factor:g}×: {message}." for factor, message in sorted(missing.items())]
    skipped = results["corpus"]["skipped"]
    if skipped:
        lines.append(f"{len(skipped)} files of the corpus were left out, first: {skipped[0]}")
    if any(arm["encoding"] in ("sinusoidal", "learned-from-sinusoid") for arm in results["arms"]):
        lines.append(
            f"The sinusoid is scaled to a root mean square of {configuration['sinusoid_rms']:g}; token and learned "
            "rows start at 0.02, the bare formula has 0.71 (--sinusoid-rms)."
        )
    e = results["environment"]
    lines.append(
        f"{configuration['model']}, {configuration['layers']} layers × {configuration['d_model']}, "
        f"{configuration['steps']} steps of {configuration['batch_size']} × "
        f"{configuration['train_length']} tokens, "
        f"{configuration['precision']}, seeds {', '.join(map(str, seeds))}; "
        f"{configuration['threads']} thread(s) an arm; "
        f"posembed {e['posembed']}, torch {e['torch']}, Python {e['python']}, {e['accelerator'] or e['cpu']}."
    )
    return lines


def print_results(results: Results, console: Console) -> None:
    """Print tables, remarks and, last, the verdict."""
    for part in tables(results):
        table = Table(title=part.title, title_justify="left")
        for index, name in enumerate(part.header):
            table.add_column(name, justify="left" if index == 0 else "right", no_wrap=index == 0)
        for row in part.rows:
            table.add_row(*row)
        console.print(table)
    for line in remarks(results):
        console.print(line, markup=False, highlight=False)
    for sentence in results["verdict"]:
        console.print(f"Verdict: {sentence}", markup=False, highlight=False, style="bold")


def markdown(results: Results) -> str:
    """The same as a Markdown document."""
    parts = []
    for part in tables(results):
        lines = [f"**{part.title}**", "", _row(part.header), _row(["---"] + ["---:"] * (len(part.header) - 1))]
        parts.append("\n".join(lines + [_row(row) for row in part.rows]))
    parts.append("\n".join(f"- {line}" for line in remarks(results)))
    parts.append("\n".join(f"- **Verdict: {sentence}**" for sentence in results["verdict"]))
    return "\n\n".join(parts) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
