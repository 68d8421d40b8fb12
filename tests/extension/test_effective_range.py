"""Which rows `auto` does not repeat: those that the table itself shows to be untrained."""

from pathlib import Path

import numpy as np
import pytest

from posembed import find_tables
from posembed.checkpoint.source import open_checkpoint
from posembed.extension import effective_range as module
from posembed.extension.effective_range import effective_range
from posembed.find.found import FoundTable
from posembed.layout import TableLayout

GPT2 = {"model_type": "gpt2", "n_positions": 96, "n_embd": 32}


def rows_trained_to(end):
    """96 rows of which the first were trained; the others are as they were drawn."""
    rows = 0.02 * np.random.default_rng(0).standard_normal((96, 32))
    rows[:end] += 0.05 * np.sin(np.arange(end)[:, None] * np.linspace(0.02, 0.3, 32))
    return rows.astype(np.float32)


def range_of(path):
    checkpoint = open_checkpoint(path)
    (table,) = find_tables(checkpoint)
    return effective_range(checkpoint, table)


def test_the_end_and_the_evidence(write):
    end, why = range_of(write({"wpe.weight": rows_trained_to(60)}, config=GPT2))
    assert abs(end - 60) <= 6
    assert any(character.isdigit() for character in why)


def test_a_table_that_was_trained_whole(write):
    assert range_of(write({"wpe.weight": rows_trained_to(96)}, config=GPT2)) is None


def test_values_that_are_not_finite_are_reported_elsewhere(write):
    rows = rows_trained_to(60)
    rows[3, 3] = np.inf
    assert range_of(write({"wpe.weight": rows}, config=GPT2)) is None


def test_grids_have_no_end(write):
    vit = {"model_type": "vit", "image_size": 32, "patch_size": 8}
    assert range_of(write({"embeddings.position_embeddings": (1, 17, 8)}, config=vit)) is None


@pytest.mark.parametrize(("rows", "examined"), [(16384, True), (16385, False)])
def test_tables_of_more_than_16384_rows_are_not_examined(monkeypatch, rows, examined):
    """The tests of a longer table take minutes; a plan is to take seconds."""
    asked = []

    class Reader:
        def read(self, key):
            asked.append(key)
            return np.zeros((rows, 2), np.float32)

    class Found:
        end = None

    monkeypatch.setattr(module, "trained_range", lambda _rows: Found)
    layout = TableLayout(length=rows)
    table = FoundTable("wpe.weight", (rows, 2), "F32", Path("file"), "gpt2", layout, kind="sequence")
    assert effective_range(Reader(), table) is None
    assert bool(asked) is examined
