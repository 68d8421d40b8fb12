import dataclasses

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.tables.built_in import BUILT_IN
from posembed.tables.method import Method
from posembed.tables.methods.kept_rows import keeps_nothing, keeps_old_rows
from posembed.tables.registry import METHODS


def resized(rows, new, *, times=2.0, seed):
    return np.resize(rows, (new, rows.shape[1])) * times + seed


def method(function=resized, kept=keeps_old_rows):
    return Method("mine", "sequence", "?", "?", "here", function, kept)


def test_options_are_the_keyword_only_arguments():
    assert list(method().options) == ["times", "seed"]
    assert method().options["times"] == 2.0
    method().check_options({"seed": 1})
    with pytest.raises(InvalidArgumentError, match="'mine' needs the option 'seed'"):
        method().check_options({"times": 1.0})
    with pytest.raises(InvalidArgumentError, match="'mine' has no option 'keep': its options are times, seed"):
        method().check_options({"keep": 1})
    with pytest.raises(InvalidArgumentError, match="'mine' has no option 'keep': it has none"):
        method(lambda rows, new: rows[:new]).check_options({"keep": 1})


@pytest.mark.parametrize(
    ("name", "options", "kept"),
    [
        ("tile", {}, 100),
        ("tile", {"range": 60}, 60),
        ("stretch", {}, 1),  # the first stretched row is where it was
        ("stretch", {"range": 60, "ratio": 2}, 1),
        ("stretch", {"range": 60, "ratio": 1}, 60),
        ("stretch", {"keep": 20}, 21),
        ("mean", {}, 100),
        ("mean", {"keep": 1, "range": 60}, 1),
        ("mean", {"keep": 0}, 0),
        ("zeros", {}, 100),
        ("random", {"seed": 3}, 100),
        ("hierarchical", {}, 100),
        ("repeat-last", {}, 100),
        ("linear", {}, 1),
        ("grouped", {}, 1),
    ],
)
def test_first_positions_that_keep_their_rows(name, options, kept):
    assert METHODS["sequence"][name].kept_from_start(100, 300, **options) == kept


def test_what_is_kept_from_the_start_is_kept():
    rows = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    for each in BUILT_IN:
        if each.kind == "sequence" and each.name not in ("crop", "sinusoid"):  # shorter only; other rows only
            count = each.kept_from_start(20, 45)
            made = each.function(rows, 45)
            assert np.array_equal(made[:count], rows[:count]), each.name
            assert count == len(rows) or not np.array_equal(made[count], rows[count]), each.name


def test_kept_from_the_start_follows_from_the_pairs():
    assert method().kept_from_start(10, 30) == 10
    assert method(kept=keeps_nothing).kept_from_start(10, 30) == 0
    assert method(kept=lambda _old, _new: [(1, 1), (0, 0), (3, 3), (2, 5)]).kept_from_start(10, 30) == 2


def test_a_method_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        method().name = "other"
    with pytest.raises(TypeError):
        method().options["times"] = 1.0
