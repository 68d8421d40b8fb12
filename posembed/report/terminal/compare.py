"""Format a comparison as tables and sentences, for the terminal, Markdown and the HTML page."""

from __future__ import annotations

from rich.console import Console

from posembed.records.compare import SCALED_SINUSOIDS
from posembed.records.comparison import Beyond, Comparison
from posembed.records.interval import Interval
from posembed.report.numbers import MISSING, number
from posembed.report.text_table import TextTable
from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis, sinusoidal_table
from posembed.tables.measures.spectrum import effective_rank

METHODS = ("direct", "tile", "linear")
"""How an arm is run past its training length, in the order of the tables and charts."""


def with_interval(interval: Interval | None) -> str:
    """Return ``mean ± half width``, or a dash where there is no mean."""
    if interval is None or interval.mean is None:
        return MISSING
    half = interval.half_width
    return number(interval.mean) if half is None else f"{number(interval.mean)} ± {number(half)}"


def tables(results: Comparison) -> list[TextTable]:
    """Return the comparison in tables: quality, cost, lengths beyond training, flexibility."""
    return [part for part in (_quality(results), _cost(results), _beyond(results), _flexibility(results)) if part.rows]


def _quality(results: Comparison) -> TextTable:
    rows: list[tuple[str, ...]] = []
    for arm in results.arms:
        quality = arm.quality
        if quality is None:
            rows.append((arm.encoding, arm.status, MISSING, MISSING))
            continue
        perplexity = number(quality.perplexity)
        if quality.perplexity_low is not None and quality.perplexity_high is not None:
            perplexity += f" ({number(quality.perplexity_low)} to {number(quality.perplexity_high)})"
        rows.append((arm.encoding, with_interval(quality), perplexity, number(quality.bits_per_token)))
    length = results.configuration.train_length
    header = ("encoding", "loss (nats per token)", "perplexity", "bits per token")
    return TextTable(f"Quality on test documents at the training length, {length} tokens", header, rows)


def _cost(results: Comparison) -> TextTable:
    rows = []
    for arm in results.arms:
        cost, speed = arm.cost, arm.speed
        sizes = (cost.parameters, cost.parameter_bytes, cost.fixed_bytes) if cost else ()
        rows.append(
            (
                arm.encoding,
                *(f"{size:,}" for size in sizes),
                *(MISSING for _ in range(3 - len(sizes))),
                number(speed.seconds, 1) if speed else MISSING,
                f"{speed.tokens_per_second:,.0f}" if speed and speed.tokens_per_second else MISSING,
            )
        )
    header = ("encoding", "parameters", "their bytes", "bytes of fixed tables", "training (s)", "tokens/s")
    return TextTable("Cost of the position part, and training speed", header, rows)


def _beyond(results: Comparison) -> TextTable:
    factors = sorted({entry.factor for arm in results.arms for entry in arm.beyond})
    rows = []
    for arm in results.arms:
        short = {entry.factor: entry for entry in arm.measured("unavailable")}
        for method in METHODS:
            measured = {entry.factor: entry for entry in arm.measured(method)}
            if measured or (method == "direct" and short):
                cells = [_beyond_cell((measured | short).get(factor)) for factor in factors]
                rows.append((arm.label(method), *cells))
    length = results.configuration.train_length
    header = ("encoding", *(f"{factor:g}× ({round(factor * length)})" for factor in factors))
    title = (
        "Beyond the training length: loss of the tokens past it (at 1×: of all), nats per token, on the same documents"
    )
    return TextTable(title, header, rows)


def _beyond_cell(entry: Beyond | None) -> str:
    if entry is None:
        return MISSING
    if entry.method == "unavailable":
        return "texts too short"
    return "error: no rows" if entry.loss is None else with_interval(entry.shown)


def _flexibility(results: Comparison) -> TextTable:
    rows = []
    for arm in results.arms:
        f = arm.flexibility
        if f is not None:
            rows.append(
                (
                    arm.encoding,
                    f"{f.functions:.0f} of {f.rows:.0f}",
                    f"{number(f.explained_share)} ({number(f.explained_share_random)})",
                    f"{number(f.effective_rank, 1)} ({number(f.effective_rank_random, 1)})",
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


def _fixed_row(results: Comparison) -> tuple[str, str, str, str]:
    """Return the fixed sinusoid by the same measures: few of its own sinusoids explain most of it, not all."""
    rows, width = results.configuration.train_length, results.configuration.d_model
    functions = next(int(arm.flexibility.functions) for arm in results.arms if arm.flexibility is not None)
    fixed = sinusoidal_table(rows, width)
    share = explained_share(fixed, sinusoidal_basis(rows, functions))
    return ("(the sinusoid itself)", f"{functions} of {rows}", number(share), number(effective_rank(fixed), 1))


def remarks(results: Comparison, *, errors: bool = True) -> list[str]:
    """Return baselines, what the intervals cover and how this was measured, a sentence each.

    Args:
        results: the comparison.
        errors: whether to list the errors of tables that ended.
    """
    unigram, bigram = with_interval(results.baselines.unigram), with_interval(results.baselines.bigram)
    evaluation, seeds = results.evaluation, results.configuration.seeds
    over = f"{evaluation.interval_over} " + ("only (one seed)" if len(seeds) == 1 else f"({len(seeds)} seeds)")
    lines = [
        f"Counting baselines on the same test windows: unigram {unigram}, bigram {bigram} nats per token.",
        f"± is a {evaluation.confidence:.0%} confidence interval over {over}: {evaluation.documents} test documents, "
        f"{evaluation.windows} windows.",
    ]
    for arm in results.arms:
        lines += [f"{arm.encoding}: {message}" for message in arm.messages]
    if errors:
        lines += [f"{encoding} past its table: {error}" for encoding, error in _past_the_table(results).items()]
    short = {entry.factor: entry.message for arm in results.arms for entry in arm.measured("unavailable")}
    lines += [f"{factor:g}×: {message}." for factor, message in sorted(short.items())]
    if skipped := results.corpus.skipped:
        lines.append(f"{len(skipped)} files of the corpus were left out, first: {skipped[0]}")
    if any(arm.encoding in SCALED_SINUSOIDS for arm in results.arms):
        lines.append(
            f"The sinusoid is scaled to a root mean square of {results.configuration.sinusoid_rms:g} (sinusoid_rms); "
            "token and learned rows start at 0.02, the unscaled formula has 0.71."
        )
    return [*lines, _how(results)]


def _past_the_table(results: Comparison) -> dict[str, str]:
    """Return the error that each table without further rows gave, by encoding."""
    return {
        arm.encoding: next(entry.message or "" for entry in arm.beyond if entry.ended)
        for arm in results.arms
        if any(entry.ended and entry.message for entry in arm.beyond)
    }


def _how(results: Comparison) -> str:
    setup, machine = results.configuration, results.environment
    return (
        f"{setup.model}, {setup.layers} layers × {setup.d_model}, {setup.steps} steps of {setup.batch_size} × "
        f"{setup.train_length} tokens, {setup.precision}, seeds {', '.join(map(str, setup.seeds))}; "
        f"{setup.threads} {'thread' if setup.threads == 1 else 'threads'} per unit; posembed {machine.posembed}, "
        f"torch {machine.torch}, Python {machine.python}, {machine.accelerator or machine.cpu}."
    )


def print_results(results: Comparison, console: Console) -> None:
    """Print tables, remarks and, last, the verdict."""
    for part in tables(results):
        console.print(part.to_rich())
    for line in remarks(results):
        console.print(line, markup=False, highlight=False)
    for sentence in results.verdict:
        console.print(f"Verdict: {sentence}", markup=False, highlight=False, style="bold")


def markdown(results: Comparison) -> str:
    """Return the same as a Markdown document."""
    parts = [part.to_markdown() for part in tables(results)]
    parts.append("\n".join(f"- {line}" for line in remarks(results)))
    parts.append("\n".join(f"- **Verdict: {sentence}**" for sentence in results.verdict))
    return "\n\n".join(parts) + "\n"
