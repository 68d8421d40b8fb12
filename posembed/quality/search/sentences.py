"""Why a candidate was selected, or none, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posembed.quality.search.candidates import Candidate
from posembed.quality.search.measure import in_words

# Rows kept by no more than this count as none: a few special tokens fit into them, but no sentence.
FEW_ROWS = 16


def reasons(
    best: Candidate, finalists: Sequence[Candidate], baseline: Mapping[int, float], old: int, short: int | None
) -> tuple[str, ...]:
    """Return why ``best`` was selected: its result, the next best, and what happens to short inputs.

    Args:
        best: the selected candidate.
        finalists: all that were measured on all documents.
        baseline: result of the old table, by length.
        old: positions of the old table.
        short: with length-aware tables, the longest input that reads the old one.
    """
    options = dict(best.options)
    size = options.pop("range", None)
    rows = "" if size is None else f" over the first {size} of {old} rows"
    others = "".join(f", {name} {value}" for name, value in options.items())
    measure = best.measure
    following = "; ".join(candidate.describe() for candidate in finalists if candidate is not best)
    return (
        f"{best.method}{rows}{others}: on {best.documents} validation documents its {measure.noun} is "
        f"{in_words(best.values)} tokens; {measure.baseline_of(old)} gives {in_words(baseline)}.",
        f"Next best: {following}." if following else "No other candidate was measured on all documents.",
        kept_sentence(best, short),
    )


def kept_sentence(best: Candidate, short: int | None) -> str:
    """Return what the selected candidate does to short inputs."""
    if short is not None:
        return (
            f"Inputs of up to {short} tokens read the old table, bit for bit, where length-aware tables are loaded; "
            "without them every input reads the new table."
        )
    if best.kept > FEW_ROWS:
        return f"Inputs of up to {best.kept} tokens keep their rows bit for bit."
    changed = f"Inputs of more than {best.kept} tokens read" if best.kept > 1 else "Every input reads"
    return (
        f"{changed} other rows than before{best.measure.consequence}. Use `length_aware` to keep short inputs "
        "unchanged."
    )


def refusal(best: Candidate, baseline: Mapping[int, float], old: int, length_aware: bool) -> str:
    """Return why no candidate was selected, and what to do.

    Args:
        best: the best of those that were measured.
        baseline: result of the old table, by length.
        old: positions of the old table.
        length_aware: whether length-aware tables were searched for.
    """
    measure = best.measure
    better_on_average = best.worth > measure.worth(baseline)
    lack = "matches, at every length," if better_on_average else "is better than"
    hint = "With `length_aware`, short inputs read the old table. " if better_on_average and not length_aware else ""
    return (
        f"no extension method {lack} {measure.baseline_of(old)} on {best.documents} validation documents "
        f"({best.describe()}; {measure.name} of the old table: {in_words(baseline)}). {hint}Try posembed calibrate, or "
        "force one with `method`."
    )
