"""Names that no two splits share."""

import itertools
from typing import get_args

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.quality.tasks.names import FILLERS, FIRST, LAST, PLACES, THINGS, draw_names
from posembed.records.choices import Split


def test_no_word_stands_twice():
    for words in (FIRST, LAST, THINGS, PLACES):
        assert len(set(words)) == len(words)


def test_splits_share_no_name():
    drawn = {split: draw_names(split, 588, np.random.default_rng(0)) for split in get_args(Split)}
    for names in drawn.values():
        assert len(set(names)) == 588
    for one, other in itertools.combinations(drawn.values(), 2):
        assert set(one).isdisjoint(other)
    assert len(set().union(*drawn.values())) == len(FIRST) * len(LAST) == 3 * 588


def test_names_are_drawn_in_random_order():
    few = draw_names("test", 5, np.random.default_rng(0))
    assert few == draw_names("test", 9, np.random.default_rng(0))[:5]
    assert few != draw_names("test", 5, np.random.default_rng(1))
    assert all(name.split()[0] in FIRST and name.split()[1] in LAST for name in few)


def test_more_names_than_there_are():
    with pytest.raises(InvalidArgumentError, match="documents=589 is more than the 588 names of a split"):
        draw_names("train", 589, np.random.default_rng(0))


def test_every_split_has_four_fillers_that_end_with_a_space():
    assert set(FILLERS) == set(get_args(Split))
    for fillers in FILLERS.values():
        assert len(fillers) == 4
        assert all(filler.endswith(" ") for filler in fillers)
