"""The same inputs read again and again: cosine, loss and patches against what the model itself says."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from posembed.quality.behavior.live_table import LiveTable
from posembed.quality.behavior.moves import UNMOVED, Move, start_at
from posembed.quality.behavior.reader import Patches, Pooled, Predicted, Reader

IDS = torch.randint(5, 100, (6, 8), generator=torch.Generator().manual_seed(0))


def reader(loaded, name, arguments, task, batch=4):
    model, tables = loaded(name)
    return Reader(model.model, LiveTable(model.model, model.checkpoint, tables[0]), arguments, task, batch)


def test_the_loss_is_the_models_own(loaded):
    reading = reader(loaded, "gpt2", {"input_ids": IDS}, Predicted(IDS, None))
    model = loaded("gpt2")[0].model
    with torch.no_grad():
        own = [float(model(input_ids=row[None], labels=row[None]).loss) for row in IDS]
    assert np.allclose(reading.values(UNMOVED)["loss"], own, atol=1e-5)
    moved = reading.values(start_at(12, 8))
    with torch.no_grad():
        logits = model(input_ids=IDS, position_ids=12 + torch.arange(8)[None]).logits
    expected = F.cross_entropy(logits[:, :-1].transpose(1, 2), IDS[:, 1:], reduction="none").mean(1)
    assert np.allclose(moved["loss"], expected, atol=1e-5)


def test_hidden_tokens_alone_count(loaded):
    hidden = torch.zeros(6, 8, dtype=torch.bool)
    hidden[:, 3] = True
    reading = reader(loaded, "bert", {"input_ids": IDS.masked_fill(hidden, 4)}, Predicted(IDS, hidden))
    with torch.no_grad():
        logits = loaded("bert")[0].model(input_ids=IDS.masked_fill(hidden, 4)).logits
    expected = F.cross_entropy(logits[:, 3], IDS[:, 3], reduction="none")
    assert np.allclose(reading.values(UNMOVED)["loss"], expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_vector_is_pooled_as_asked(loaded, pooling):
    reading = reader(loaded, "roberta", {"input_ids": IDS}, Pooled(pooling))
    values = reading.values(start_at(20, 8))["cosine"]
    model = loaded("roberta")[0].model
    with torch.no_grad():
        pair = [model(IDS, position_ids=2 + first + torch.arange(8)[None]).last_hidden_state for first in (0, 20)]
    one, other = [each[:, 0] if pooling == "cls" else each.mean(1) for each in pair]
    assert np.allclose(values, F.cosine_similarity(one, other), atol=1e-5)
    assert np.allclose(reading.values(UNMOVED)["cosine"], 1)


def test_patches_leave_the_class_token_out(loaded):
    pixels = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    layout = loaded("vit")[1][0].layout
    reading = reader(loaded, "vit", {"pixel_values": pixels}, Patches(layout))
    assert reading.unmoved.patches.shape == (6, 16, 32)
    with torch.no_grad():
        states = loaded("vit")[0].model.vit(pixels).last_hidden_state
    assert torch.allclose(reading.unmoved.pooled.float(), F.normalize(states[:, 0], dim=-1), atol=1e-6)
    moved = reading.values(Move("row 0", None, np.zeros(16, dtype=np.int64)))
    assert moved["patches"].shape == (6,)
    assert (moved["patches"] < 1).all()


def test_batches_change_nothing(loaded):
    one, many = (reader(loaded, "gpt2", {"input_ids": IDS}, Predicted(IDS, None), batch) for batch in (1, 6))
    move = start_at(9, 8)
    assert np.allclose(one.values(move)["loss"], many.values(move)["loss"], atol=1e-6)
