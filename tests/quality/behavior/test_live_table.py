"""A table inside its loaded model, whose rows are exchanged and put back."""

import numpy as np
import pytest
import torch

from posembed.errors import InvalidArgumentError
from posembed.quality.behavior.live_table import LiveTable
from posembed.quality.behavior.moves import Move, start_at


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2", "clip", "vit", "bart"])
def test_every_table_is_found_and_put_back(loaded, name):
    model, tables = loaded(name)
    assert tables
    for table in tables:
        live = LiveTable(model.model, model.checkpoint, table)
        before = live.tensor.detach().clone()
        with live.moved(Move("mean row", None, None)):
            assert not torch.equal(live.tensor, before)
        assert torch.equal(live.tensor, before)
        with pytest.raises(KeyError), live.moved(Move("mean row", None, None)):
            raise KeyError
        assert torch.equal(live.tensor, before)


def test_moved_rows_are_moved_positions(loaded):
    """Position ids say the same as rows that are exchanged, reserved rows of RoBERTa included."""
    model, (table,) = loaded("roberta")
    live = LiveTable(model.model, model.checkpoint, table)
    ids = torch.arange(5, 13)[None]
    reserved = table.layout.reserved
    assert reserved == 2
    with torch.no_grad():
        expected = model.model(ids, position_ids=reserved + 10 + torch.arange(8)[None]).last_hidden_state
        with live.moved(start_at(10, 8)):
            moved = model.model(ids).last_hidden_state
    assert torch.allclose(moved, expected, atol=1e-6)


def test_a_model_without_the_values_is_refused(loaded):
    model, (table,) = loaded("gpt2")
    other, _ = loaded("bert")
    with pytest.raises(InvalidArgumentError, match="has 0 tensors with the values of"):
        LiveTable(other.model, model.checkpoint, table)
    assert np.isfinite(model.checkpoint.read(table.key)).all()
