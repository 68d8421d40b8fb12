"""Why a candidate was selected for a language model, or none, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posembed.quality.search.language.candidates import Candidate, in_words
from posembed.quality.search.proposals import forced
from posembed.statistics import BootstrapInterval

# Rows kept by no more than this count as none: a few special tokens fit into them, but no sentence.
FEW_ROWS = 16


def reasons(
    best: Candidate, finalists: Sequence[Candidate], baseline: Mapping[int, float], old: int, short: int | None
) -> tuple[str, ...]:
    """Return why ``best`` was selected: its result, the next best, and what happens to short inputs.

    Args:
        best: the selected candidate.
        finalists: all that were measured on all documents.
        baseline: loss by a sliding window of the old table, by length.
        old: positions of the old table.
        short: with length-aware tables, the longest input that reads the old one.
    """
    options = dict(best.options)
    size = options.pop("range", None)
    rows = "" if size is None else f" over the first {size} of {old} rows"
    others = "".join(f", {name} {value}" for name, value in options.items())
    following = "; ".join(candidate.describe() for candidate in finalists if candidate is not best)
    return (
        f"{best.method}{rows}{others}: on {best.documents} validation documents its loss (nats per token) is "
        f"{in_words(best.values)} tokens; a sliding window of {old} tokens gives {in_words(baseline)}.",
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
    return f"{changed} other rows than before. Use `length_aware` to keep short inputs unchanged."


def refusal(
    best: Candidate, baseline: Mapping[int, float], gain: BootstrapInterval, old: int, *, length_aware: bool
) -> tuple[str, ...]:
    """Return why no candidate was selected, and what to do.

    Args:
        best: the best of those that were measured.
        baseline: loss by a sliding window of the old table, by length.
        gain: of the best over the window, on inputs that are longer than the old table.
        old: positions of the old table.
        length_aware: whether length-aware tables were searched for.
    """
    bounds = f"{gain['mean']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})".replace("-", "−")
    lead = (
        f"no longer table matches, at every length, a sliding window of {old} tokens"
        if gain["low"] > 0
        else f"no longer table is shown to be better than a sliding window of {old} tokens, which needs none"
    )
    hint = " With `length_aware`, short inputs read the old table." if gain["low"] > 0 and not length_aware else ""
    return (
        f"{lead}: on {best.documents} validation documents the window's loss is {in_words(baseline)} tokens, that of "
        f"the best candidate {best.describe()}; beyond {old} tokens it gains {bounds} nats per token.{hint}",
        "Nothing is written. `posembed calibrate` trains the table; to extend all the same: "
        f"{forced(best.method, best.options)}.",
    )
