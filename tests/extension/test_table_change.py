"""One table before and after: new rows by a method or given, which rows are kept, and the record of it."""

from dataclasses import replace

import numpy as np
import pytest

from posembed import find_tables, plan_extension
from posembed.errors import InvalidArgumentError
from posembed.tables.extend import extend_table

KEY = "embeddings.position_embeddings.weight"


@pytest.fixture
def change(bert):
    return plan_extension(bert, 24, method="tile").tables[0]


def rows(change):
    return np.random.default_rng(0).normal(size=change.table.shape).astype(np.float32)


def test_the_method_makes_the_rows(change):
    old = rows(change)
    assert change.shape == (24, 8)
    assert change.usable_length == 24
    np.testing.assert_array_equal(change.apply(old), extend_table(old, 24, method="tile"))


def test_kept_rows_are_those_of_the_method(change):
    pairs = change.kept_rows()
    old, new = rows(change), change.apply(rows(change))
    assert len(pairs) == 24
    np.testing.assert_array_equal(old[pairs[:, 0]], new[pairs[:, 1]])


def test_given_rows_are_taken_as_they_are(change):
    made = np.ones((24, 8), np.float32)
    given = replace(change, given=made, kept=5)
    assert given.apply(rows(change)) is made
    assert given.kept_rows().tolist() == [[row, row] for row in range(5)]


def test_a_fault_names_the_table(change):
    broken = rows(change)
    broken[3, 2] = np.nan
    with pytest.raises(InvalidArgumentError, match=rf"{KEY}: table row 3 holds nan or inf"):
        change.apply(broken)


def test_the_record(change, bert):
    record = change.record("model.safetensors")
    assert (record.key, record.file, record.kind, record.method) == (KEY, "model.safetensors", "sequence", "tile")
    assert record.shape.to_dict() == {"before": [16, 8], "after": [24, 8]}
    assert record.usable_length.to_dict() == {"before": 16, "after": 24}
    assert record.grid is None
    assert find_tables(bert)[0].key == record.key
