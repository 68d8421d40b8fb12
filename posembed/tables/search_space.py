"""Which settings of a method's options are worth measuring when a search on validation data chooses a method.

A search has two rounds. The first measures every setting that each method proposes for the table; the second measures
refinements, proposed in the light of the first round's ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from posembed.tables.rows import Floats

if TYPE_CHECKING:
    from posembed.tables.method import Method

Setting = Mapping[str, object]

# Numbers of leading rows to try, as shares of the table. Dense below a half: the best range of all-MiniLM-L6-v2 is 160
# of 512 rows (5/16), and its neighbors in this list, 128 and 192, are clearly worse or better by the task
# (docs/measured/long-inputs.md).
RANGE_SHARES = (1, 3 / 4, 1 / 2, 3 / 8, 5 / 16, 1 / 4, 3 / 16, 1 / 8)
# A range of one row would give every position the same row.
SMALLEST_RANGE = 2


class Proposal(NamedTuple):
    """One way to extend that is worth measuring: a method's name and a setting of its options.

    Attributes:
        method: the method's name.
        options: the setting, as keywords of ``extend_table``.
    """

    method: str
    options: dict[str, object]


@dataclass(frozen=True)
class SearchTable:
    """The table that is to be extended, as a search space sees it.

    Args:
        rows: the old rows of the positions alone, ``[L, d_model]``.
        old: L, the old number of positions.
        new: N, the wanted number of positions.
        shown: numbers of leading rows that work alike in the model, where it was asked; they take the place of guesses.
    """

    rows: Floats
    old: int
    new: int
    shown: tuple[int, ...] = ()

    @cached_property
    def ranges(self) -> tuple[int, ...]:
        """Numbers of leading rows that may be the trained or useful ones, largest first.

        Where the model shows none, they come from shares of the table, from where training seems to end, and from where
        norms change abruptly.

        Example:
            >>> import numpy as np
            >>> SearchTable(np.random.default_rng(0).standard_normal((64, 8)), 64, 128).ranges
            (64, 48, 32, 24, 20, 16, 12, 8)
            >>> SearchTable(np.zeros((64, 8)), 64, 128, shown=(20, 64)).ranges
            (64, 20)
        """
        if self.shown:
            return tuple(sorted(set(self.shown), reverse=True))
        from posembed.tables.trained_range.detect import trained_range  # SciPy, which a table's extension does not need
        from posembed.tables.trained_range.norm_step import sharpest_step

        detected, step = trained_range(self.rows), sharpest_step(self.rows)
        ends = (detected.end, detected.suggested_usable_length, None if step is None else step.place)
        ranges = {max(SMALLEST_RANGE, round(share * self.old)) for share in RANGE_SHARES}
        ranges |= {end for end in ends if end is not None and SMALLEST_RANGE <= end <= self.old}
        return tuple(sorted(ranges, reverse=True))


def no_refinement(_table: SearchTable, _best: Sequence[Proposal]) -> Iterable[Setting]:
    """Propose nothing for the second round."""
    return ()


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The settings of one method's options that a search measures.

    Args:
        first: ``first(table)``, the settings of the first round, the most promising first.
        refine: ``refine(table, best)``, further settings for the second round; ``best`` holds the proposals of all
            methods that were measured in the first round, the best first.
        models: the kinds of model that the method suits (``"embedding"``, ``"causal"``, ``"masked"``); ``None`` for
            all of them.

    Example:
        >>> fades = SearchSpace(lambda table: [{"fade": fade} for fade in (0.0, 0.5)], models=("embedding",))
        >>> fades.suits("embedding"), fades.suits("causal")
        (True, False)
    """

    first: Callable[[SearchTable], Iterable[Setting]]
    refine: Callable[[SearchTable, Sequence[Proposal]], Iterable[Setting]] = no_refinement
    models: tuple[str, ...] | None = None

    def suits(self, model: str) -> bool:
        """Return whether the method may be chosen for this kind of model."""
        return self.models is None or model in self.models


def first_round(methods: Sequence[Method], table: SearchTable) -> list[Proposal]:
    """Return what to measure first: each method's first setting, then each one's second, and so on.

    Methods without a search space propose nothing. Ties of a search go to the earlier candidate, so the order matters.
    """
    proposed = [
        [Proposal(each.name, dict(setting)) for setting in each.search_space.first(table)]
        for each in methods
        if each.search_space is not None
    ]
    return [each for each in chain.from_iterable(zip_longest(*proposed)) if each is not None]


def second_round(methods: Sequence[Method], table: SearchTable, best: Sequence[Proposal]) -> list[Proposal]:
    """Return what to measure after the first round, method by method.

    Args:
        methods: those that may be chosen.
        table: the old table and the wanted length.
        best: the proposals of the first round, by their mean over the lengths, the best first.
    """
    return [
        Proposal(each.name, dict(setting))
        for each in methods
        if each.search_space is not None
        for setting in each.search_space.refine(table, best)
    ]


def best_ranges(best: Sequence[Proposal], count: int) -> list[int]:
    """Return the ``range`` options of the best proposals, each once; proposals without one do not count.

    Example:
        >>> best_ranges([Proposal("tile", {"range": 64}), Proposal("linear", {}), Proposal("mean", {"range": 64})], 2)
        [64]
    """
    ranges = [size for each in best if isinstance(size := each.options.get("range"), int)]
    return list(dict.fromkeys(ranges))[:count]
