"""The matrices of a model that are compared with its table."""

import numpy as np
import pytest
import torch

from posembed.quality.behavior import weights
from posembed.quality.behavior.live_table import LiveTable
from posembed.quality.behavior.weights import weights_beside


def beside(loaded, name, number=0):
    model, tables = loaded(name)
    live = LiveTable(model.model, model.checkpoint, tables[number])
    return live, weights_beside(live)


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2", "bart", "clip"])
def test_matrices_as_wide_as_the_table_without_tables(loaded, name):
    model, tables = loaded(name)
    for number in range(len(tables)):
        live, found = beside(loaded, name, number)
        width = live.positions.shape[1]
        assert found
        assert all(width in matrix.shape for matrix in found)
        for table in tables:
            rows = model.checkpoint.read(table.key)
            assert not any(matrix.shape == rows.shape and np.array_equal(matrix, rows) for matrix in found)


def test_the_tables_own_tower_comes_first(loaded, monkeypatch):
    monkeypatch.setattr(weights, "MOST_MATRICES", 1)
    model, tables = loaded("bart")
    parameters = dict(model.model.named_parameters())
    for number, table in enumerate(tables):
        tower = "encoder" if "encoder" in table.key else "decoder"
        _, (first,) = beside(loaded, "bart", number)
        alike = [name for name, value in parameters.items() if value.shape == first.shape]
        (name,) = [name for name in alike if torch.equal(parameters[name], torch.from_numpy(first))]
        assert tower in name


def test_large_matrices_are_thinned_and_few(loaded, monkeypatch):
    monkeypatch.setattr(weights, "MOST_VECTORS", 10)
    _, found = beside(loaded, "bert")
    assert all(len(matrix) <= 10 for matrix in found)
    monkeypatch.setattr(weights, "MOST_WORK", 2 * 32**3)
    assert len(beside(loaded, "bert")[1]) == 2
    monkeypatch.setattr(weights, "MOST_WORK", 0)
    assert beside(loaded, "bert")[1] == []
