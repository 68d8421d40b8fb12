"""Why a candidate was chosen, or what serves as well without it, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from posembed.quality.search.embedding.acceptance import OLD_TABLE, TOLERANCE, Judgment
from posembed.quality.search.embedding.baselines import Baseline
from posembed.quality.search.embedding.judged import Outcomes, means
from posembed.quality.search.embedding.rounds import Ranking
from posembed.quality.search.proposals import described, forced
from posembed.records.search import ChoiceComparison

# Rows kept by no more than this count as none: a few special tokens fit into them, but no sentence.
FEW_ROWS = 16
# Baselines of several vectors, or of none, that a sentence names: the table has all of them.
_MOST_NAMED = 2


def reasons(best: Judgment, ranking: Ranking, old: int, offered: Judgment | None) -> tuple[str, ...]:
    """Return what the chosen candidate finds, what it was compared with, and what happens to short inputs.

    Args:
        best: the chosen candidate.
        ranking: all that was measured.
        old: positions of the old table.
        offered: a candidate that is better as length-aware tables, if that was not asked for.
    """
    measured, rival = best.measured, _strongest(best, ranking)
    shown = "It beats" if best.accepted else "It is not shown to beat"
    sentences = [
        f"{described(measured.tried.method, measured.tried.options)}: {_setting(ranking)}, it finds "
        f"{_values(measured.outcomes)}.",
        f"{shown} every use of one vector per document without it; the strongest is {rival.name} with "
        f"{_values(rival.outcomes, measured.outcomes)}: {_differences(best.against(rival.name))}, intervals corrected "
        f"for {ranking.candidates} candidates.",
        *_beyond(measured.worth, ranking, measured.outcomes, timed=False),
        _kept(best, old),
    ]
    if not best.accepted and offered is not None:
        sentences.append(_offer(offered))
    return tuple(sentences)


def refusal(best: Judgment, ranking: Ranking, old: int, offered: Judgment | None) -> tuple[str, ...]:
    """Return which use of the model as it is serves as well, what it costs, and how to extend all the same.

    Args:
        best: the best of the candidates.
        ranking: all that was measured.
        old: positions of the old table.
        offered: a candidate that is better as length-aware tables, if that was not asked for.
    """
    measured, rival = best.measured, _strongest(best, ranking)
    name = described(measured.tried.method, measured.tried.options)
    found = f"{name}, the best of {ranking.candidates} candidates, finds {_values(measured.outcomes)}"
    if rival.name in best.blocking:
        sentences = [
            f"no longer table is shown to be better than {rival.name} ({_costs(rival)}): {_setting(ranking)}, that "
            f"finds {_values(rival.outcomes, measured.outcomes)}; {found}. The difference is "
            f"{_differences(best.against(rival.name))}; some task must gain, and none may lose {TOLERANCE}.",
        ]
    else:
        lost = [each for each in best.against(OLD_TABLE) if each.low < -TOLERANCE]
        sentences = [
            f"no longer table is shown to keep what the model finds in documents of up to {old} tokens: {found} in "
            f"longer ones, but in those {_differences(lost)}; no task may lose {TOLERANCE}.",
        ]
    sentences += _beyond(max(rival.worth, measured.worth), ranking, measured.outcomes, timed=True)
    if offered is not None:
        sentences.append(_offer(offered))
    sentences.append(
        "Nothing is written. `posembed calibrate` trains the table; to extend all the same: "
        f"{forced(measured.tried.method, measured.tried.options)}."
    )
    return tuple(sentences)


def _strongest(best: Judgment, ranking: Ranking) -> Baseline:
    """Return the best use of one vector without another table: of those that the candidate does not beat, if any."""
    rivals = [each for each in ranking.baselines if each.is_rival]
    blocking = [each for each in rivals if each.name in best.blocking]
    return max(blocking or rivals, key=lambda each: each.worth)


def _setting(ranking: Ranking) -> str:
    decisive = [each for each in ranking.sets if each.decides and each.scope == "longer"]
    queries = sum(len(each.queries) for each in decisive)
    lengths = sorted({each.length for each in decisive})
    return f"of {queries} queries about documents of {_listed([str(each) for each in lengths])} tokens"


def _values(outcomes: Outcomes, like: Outcomes | None = None) -> str:
    """Return the mean of each task over its lengths, of the sets that the other outcomes have."""
    kept = {key: values for key, values in outcomes.items() if like is None or key in like}
    by_task = {task: sum(values.values()) / len(values) for task, values in means(kept).items()}
    return _listed([f"{task} {value:.2f}" for task, value in by_task.items()])


def _differences(found: Iterable[ChoiceComparison]) -> str:
    parts = [f"{each.task} {each.mean:+.2f} ({each.low:+.2f} to {each.high:+.2f})" for each in found]
    return _listed(parts).replace("-", "−")


def _costs(baseline: Baseline, *, timed: bool = True) -> str:
    """Return what a baseline costs; without times where the sentence is stored, which the same call repeats."""
    read = f", {baseline.tokens:.0f} tokens read" if baseline.tokens else ""
    ms = f", {baseline.query_ms:.1f} ms per query" if timed else ""
    return f"{baseline.cost} per document{read}{ms}"


def _beyond(worth: float, ranking: Ranking, like: Outcomes, *, timed: bool) -> list[str]:
    """Return which baselines of several vectors, or of none, find more than anything with one vector."""
    better = [each for each in ranking.baselines if not each.is_rival and each.worth > worth]
    best = sorted(better, key=lambda each: -each.worth)[:_MOST_NAMED]
    if not best:
        return []
    named = [f"{each.name} ({_costs(each, timed=timed)}): {_values(each.outcomes, like)}" for each in best]
    return [f"More is found by {'; and by '.join(named)}."]


def _offer(offered: Judgment) -> str:
    tried = offered.measured.tried
    return (
        f"With `length_aware`, where the old table has room for an input it is read, and "
        f"{described(tried.method, tried.options)} is better: {_values(offered.measured.outcomes)}."
    )


def _kept(best: Judgment, old: int) -> str:
    """Return what the chosen candidate does to short inputs."""
    kept = best.measured.kept
    if best.measured.length_aware:
        return (
            f"Inputs of up to {old} tokens read the old table, bit for bit, where length-aware tables are loaded; "
            "without them every input reads the new table."
        )
    if kept > FEW_ROWS:
        return f"Inputs of up to {kept} tokens keep their rows bit for bit."
    changed = f"Inputs of more than {kept} tokens read" if kept > 1 else "Every input reads"
    return (
        f"{changed} other rows than before (vectors made by the old table cannot be compared with those by the new "
        "one). Use `length_aware` to keep short inputs unchanged."
    )


def _listed(parts: Sequence[str]) -> str:
    """Return parts of a sentence.

    Example:
        >>> _listed(["a", "b", "c"]), _listed(["a"])
        ('a, b and c', 'a')
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
