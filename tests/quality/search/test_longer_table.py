"""The table of a loaded model, extended once, with rows exchanged."""

import numpy as np
import pytest

from posembed.find.search import find_tables
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED
from posembed.quality.models.position_table import only_table
from posembed.quality.search.longer_table import LongerTable
from posembed.tables.extend import extend_table


@pytest.fixture(params=[("causal", CAUSAL), ("masked", MASKED)], ids=["causal", "masked"])
def longer(request):
    name, kind = request.param
    path = request.getfixturevalue(name)
    return LongerTable(kind.load(path).model, only_table(path), 96)


def test_the_old_rows_are_known(longer):
    assert longer.usable_length == 64
    assert longer.positions.shape == (64, 32)
    reserved = longer.table.layout.reserved
    np.testing.assert_array_equal(longer.positions, longer.old[reserved:])


@pytest.mark.parametrize(
    ("method", "options", "kept"),
    [
        ("tile", {"range": 24}, 24),
        ("tile", {}, 64),
        ("stretch", {"range": 32, "keep": 5}, 6),
        ("stretch", {"range": 32}, 1),
        ("mean", {"range": 32, "keep": 1}, 1),
    ],
)
def test_rows_are_those_of_the_method(longer, method, options, kept):
    assert longer.put(method, options) == kept
    wanted = extend_table(longer.old, 96, method=method, layout=longer.table.layout, **options)
    np.testing.assert_array_equal(longer.weight.numpy(), wanted)


def test_old_rows_come_back(longer):
    longer.put("mean", {"range": 8, "keep": 0})
    longer.restore()
    np.testing.assert_array_equal(longer.weight[: len(longer.old)].numpy(), longer.old)


def test_the_fixtures_have_one_table(causal):
    assert len(find_tables(causal)) == 1
