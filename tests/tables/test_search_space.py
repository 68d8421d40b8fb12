"""Which settings a search measures; the order decides ties, so it is tested too."""

import numpy as np
import pytest

from posembed.tables.methods.kept_rows import keeps_old_rows
from posembed.tables.registry import register_method, searchable_methods
from posembed.tables.search_space import Proposal, SearchSpace, SearchTable, best_ranges, first_round, second_round


def table(rows=128, new=512, end=None):
    """Rows with a common mean, up to ``end``; the others are an untrained draw."""
    rng = np.random.default_rng(0)
    made = rng.standard_normal((rows, 16))
    made[:end] += 3 * rng.standard_normal(16)
    return SearchTable(made, rows, new)


def test_ranges_are_shares_of_the_length_and_what_the_table_shows():
    assert table().ranges == (128, 96, 64, 48, 40, 32, 24, 16)
    assert 84 in table(end=84).ranges  # untrained from row 84 on


def test_a_range_has_at_least_two_rows():
    assert table(8, 64).ranges == (8, 6, 4, 3, 2)


def test_a_step_of_the_norms_is_a_range():
    stepped = np.random.default_rng(0).standard_normal((240, 16))
    stepped[70:] *= 4
    assert any(68 <= size <= 72 for size in SearchTable(stepped, 240, 480).ranges)


def test_the_first_round_takes_turns():
    proposals = first_round(searchable_methods("embedding"), table())
    assert [method for method, _ in proposals] == ["tile", "stretch", "mean"] * 8
    assert proposals[:3] == [
        ("tile", {"range": 128}),
        ("stretch", {"range": 128}),
        ("mean", {"range": 128, "keep": 1}),
    ]
    assert [method for method, _ in first_round(searchable_methods("causal"), table())] == ["tile", "stretch"] * 8


def test_the_second_round_refines_the_best_ranges():
    best = [Proposal("tile", {"range": size}) for size in (64, 64, 32, 16)]
    proposals = second_round(searchable_methods("embedding"), table(), best)
    assert proposals == [
        ("stretch", {"range": 64, "ratio": 2}),
        ("stretch", {"range": 64, "ratio": 4}),
        ("stretch", {"range": 32, "ratio": 2}),
        ("stretch", {"range": 32, "ratio": 4}),
        ("stretch", {"range": 64, "keep": 8}),
        ("stretch", {"range": 64, "keep": 8, "ratio": 2}),
        ("stretch", {"range": 64, "kernel": "cubic"}),
        ("mean", {"range": 64, "keep": 0}),
        ("mean", {"range": 64, "keep": 8}),
    ]
    assert {method for method, _ in second_round(searchable_methods("masked"), table(), best)} == {"stretch"}


def test_no_ratio_reaches_the_new_length():
    best = [Proposal("tile", {"range": 64})]
    settings = [options for _, options in second_round(searchable_methods("causal"), table(new=128), best)]
    assert settings == [{"range": 64, "keep": 8}, {"range": 64, "kernel": "cubic"}]
    settings = [options for _, options in second_round(searchable_methods("causal"), table(new=129), best)]
    assert {"range": 64, "ratio": 2} in settings


def test_few_rows_keep_one_and_have_no_spline():
    best = [Proposal("mean", {"range": 2, "keep": 1})]
    proposals = second_round(searchable_methods("embedding"), table(8, 5), best)
    assert proposals == [
        ("stretch", {"range": 2, "ratio": 2}),
        ("stretch", {"range": 2, "keep": 1}),
        ("stretch", {"range": 2, "keep": 1, "ratio": 2}),
        ("mean", {"range": 2, "keep": 0}),
    ]


def test_a_registered_method_takes_part(own_methods):
    def mirror(rows, new, *, fade=0.0):
        return np.resize(rows, (new, rows.shape[1])) * (1 - fade)

    def refine(_table, best):
        return [{"fade": 0.25}] if best[0].method == "mirror" else []

    space = SearchSpace(lambda _: [{"fade": 0.0}, {"fade": 0.5}], refine, models=("causal",))
    register_method("mirror", mirror, formula="P there and back", kept=keeps_old_rows, search_space=space)
    methods = searchable_methods("causal")
    assert [method.name for method in methods] == ["tile", "stretch", "mirror"]
    assert "mirror" not in [method.name for method in searchable_methods("masked")]
    proposals = first_round(methods, table())
    assert (proposals[2], proposals[5]) == (("mirror", {"fade": 0.0}), ("mirror", {"fade": 0.5}))
    assert [method for method, _ in proposals[6:]] == ["tile", "stretch"] * 6
    best = [Proposal("mirror", {"fade": 0.5}), Proposal("tile", {"range": 64})]
    second = second_round(methods, table(), best)
    assert second[-1] == ("mirror", {"fade": 0.25})
    assert ("stretch", {"range": 64, "ratio": 2}) in second
    assert second_round(methods, table(), [Proposal("mirror", {"fade": 0.0})]) == [("mirror", {"fade": 0.25})]


def test_best_ranges():
    best = [Proposal("linear", {}), *(Proposal("tile", {"range": size}) for size in (64, 32, 64, 16))]
    assert best_ranges(best, 2) == [64, 32]
    assert best_ranges(best, 1) == [64]
    assert best_ranges(best[:1], 2) == []


@pytest.mark.parametrize(("models", "suits"), [(None, True), (("embedding",), False), (("causal", "masked"), True)])
def test_models(models, suits):
    assert SearchSpace(lambda _: [], models=models).suits("masked") is suits
