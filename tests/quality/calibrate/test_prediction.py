"""What language models are trained for: loss, gradient, far positions, and the windows."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers

from posembed.errors import DataError
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.prediction import HiddenTokens, NextToken, Prediction
from posembed.quality.calibrate.table import CalibratedTable
from tests.fixtures.calibrations import configured

LENGTH = 24
TEXTS = [np.random.default_rng(k).integers(5, 40, 60).tolist() for k in range(6)]


def model_of(kind):
    torch.manual_seed(0)
    if kind == "causal":
        config = transformers.GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=40, n_positions=LENGTH)
        return transformers.GPT2LMHeadModel(config), "transformer.wpe.weight", 0
    config = transformers.RobertaConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=40,
        max_position_embeddings=LENGTH + 2, pad_token_id=1,
    )  # fmt: skip
    return transformers.RobertaForMaskedLM(config), "roberta.embeddings.position_embeddings.weight", 2


def made(kind, at_once=4, **settings):
    model, key, reserved = model_of(kind)
    settings = {"length": LENGTH, "keep": 8, "period": LENGTH, "document": LENGTH, "batch": 4, "held_out": 4} | settings
    config = configured(kind=kind, **settings)
    frozen = FrozenModel(model, key)

    def logits(table, ids):
        with frozen.reading(table):
            return frozen(input_ids=ids).logits

    target = {"causal": NextToken(), "masked": HiddenTokens(4)}[kind]
    objective = Prediction(logits, target, config, TEXTS[:4], TEXTS[4:], reserved=reserved, at_once=at_once)
    table = CalibratedTable(model.get_parameter(key).detach(), frozen=reserved + 8, period=LENGTH)
    return objective, table, model


@pytest.mark.parametrize("kind", ["causal", "masked"])
@torch.no_grad()
def test_validation_is_the_model_s_own_loss(kind):
    objective, table, model = made(kind)
    ids = torch.from_numpy(objective.held_out)
    if kind == "causal":
        losses = F.cross_entropy(model(ids).logits[:, 7:-1].flatten(0, 1), ids[:, 8:].flatten())
    else:
        hidden = torch.from_numpy(objective.hidden)
        logits = model(ids.masked_fill(hidden, 4)).logits
        hidden[:, :8] = False
        losses = F.cross_entropy(logits[hidden], ids[hidden])
    assert objective.validate(table()) == pytest.approx(losses.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["causal", "masked"])
@pytest.mark.parametrize("spread", [False, True])
def test_the_gradient_is_the_loss_s_slope(kind, spread):
    objective, table, _ = made(kind, spread=spread, document=12 if spread else LENGTH)
    objective.backward(table, 1)
    gradients = [parameter.grad.clone() for parameter in table.parameters()]
    for parameter, gradient in zip(table.parameters(), gradients, strict=True):
        direction = gradient / gradient.norm()
        values = []
        for size in (-1e-2, 2e-2):
            with torch.no_grad():
                parameter.add_(size * direction)
            values.append(objective.backward(table, 1))
        with torch.no_grad():
            parameter.sub_(1e-2 * direction)
        assert (values[1] - values[0]) / 2e-2 == pytest.approx(float((gradient * direction).sum()), rel=0.05)


def test_a_few_at_a_time_give_the_same_causal_gradient():
    found = []
    for size in (4, 1):
        objective, table, _ = made("causal", at_once=size)
        found.append((objective.backward(table, 3), table.rows.grad))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_short_inputs_meet_every_far_row_in_order(kind):
    """Of RoBERTa the reserved rows stay where they are."""
    objective, table, _ = made(kind, spread=True, document=6, at_once=1)
    read = []
    inner = objective.logits

    def watch(weight, ids):
        read.append(weight.detach().clone())
        return inner(weight, ids)

    objective.logits = watch
    for step in range(60):
        objective.backward(table, step)
    start, reserved = table.start, objective.reserved
    places = set()
    for weight in read:
        assert weight.shape == start.shape
        assert torch.equal(weight[:reserved], start[:reserved])
        rows = [int((start[reserved:] == row).all(dim=1).nonzero()[0, 0]) for row in weight[reserved : reserved + 6]]
        assert rows == sorted(set(rows))
        assert sum(b - a > 1 for a, b in itertools.pairwise(rows)) <= 1  # two stretches
        places |= set(rows)
    assert places == set(range(LENGTH))


def test_windows_come_from_their_own_texts():
    objective, _, _ = made("causal")
    train, held_out = (" ".join(map(str, [n for text in part for n in text])) for part in (TEXTS[:4], TEXTS[4:]))
    for window in objective.held_out:
        joined = " ".join(map(str, window.tolist()))
        assert joined in held_out
        assert joined not in train
    read = []
    objective.logits = lambda weight, ids: read.extend(ids.tolist()) or weight.sum() * torch.zeros(*ids.shape, 50)
    objective.backward(CalibratedTable(torch.zeros(64, 4), frozen=0, period=64), 3)
    assert len(read) == objective.config.batch
    for window in read:
        assert " ".join(map(str, window)) in train


def test_texts_that_are_too_short_are_named():
    with pytest.raises(DataError, match="no training document has 24 tokens \\(the longest of 1 has 3\\)"):
        Prediction(lambda _, ids: ids, NextToken(), made("causal")[0].config, [[1, 2, 3]], TEXTS)
    with pytest.raises(DataError, match="no validation document"):
        Prediction(lambda _, ids: ids, NextToken(), made("causal")[0].config, TEXTS, [])
