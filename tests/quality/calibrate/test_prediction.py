"""What language models are trained for: loss, gradient, far positions, and the windows."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers

from posembed.errors import DataError, WorkFailedError
from posembed.quality.calibrate import prediction
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.prediction import HiddenTokens, NextToken, Prediction, spread_rows
from posembed.quality.calibrate.table import CalibratedTable
from tests.fixtures.calibrations import configured
from tests.fixtures.plain_rng import PlainRng, digest

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
        hidden = torch.from_numpy(objective.hidden).clone()
        hidden[:, :8] = False  # at kept positions nothing is hidden: their tokens are context
        logits = model(ids.masked_fill(hidden, 4)).logits
        losses = F.cross_entropy(logits[hidden], ids[hidden])
    chosen = objective.hidden.copy()
    first = objective.validate(table())
    assert first == pytest.approx(losses.item(), rel=1e-5)
    # The loss at the start is what every later one is compared with: both must be measured on the same inputs.
    assert objective.validate(table()) == first
    assert (objective.hidden == chosen).all()


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


class Watched:
    """A target whose losses are those that it is told, and which keeps what it was asked."""

    def __init__(self, losses=lambda _: torch.ones(1, requires_grad=True)):
        self.losses_of, self.asked = losses, []

    def losses(self, logits, ids, hidden, first):
        self.asked.append((ids.tolist(), hidden.tolist(), first, logits(ids)))
        return self.losses_of(ids)


def watched(monkeypatch, losses=lambda ids, table: table.sum() * ids.double().mean(), **settings):
    """An objective whose random numbers are plain, and the words that they were made of."""
    words = []
    monkeypatch.setattr(prediction, "generator", lambda *given: words.append(given) or PlainRng(*given))
    usual = {"kind": "causal", "length": 12, "keep": 2, "period": 12, "document": 12, "batch": 5, "held_out": 5}
    sizes = {name: settings.pop(name) for name in ("at_once", "scored_at_once", "reserved") if name in settings}
    tables = []
    target = Watched(lambda ids: losses(ids, tables[-1]).reshape(1))
    config = configured(**usual | settings)
    logits = lambda table, _: tables.append(table) or table  # noqa: E731
    return Prediction(logits, target, config, TEXTS[:4], TEXTS[4:], **sizes), target, words


def test_inputs_are_those_that_published_tables_were_trained_on(monkeypatch):
    objective, target, words = watched(monkeypatch, at_once=2, document=8, spread=True, seed=3)
    table = CalibratedTable(torch.linspace(0, 1, 24).reshape(12, 2), frozen=2, period=12)
    for step in range(20):
        objective.backward(table, step)
    assert words[:2] == [("calibrate", "validation", 12, 3), ("calibrate", "step", 0, 3)]
    assert [len(ids) for ids, *_ in target.asked[:3]] == [2, 2, 1]
    assert all(first == 0 for _, _, first, _ in target.asked)
    read = [[round(number, 4) for number in table[:, 0].tolist()] for *_, table in target.asked]
    assert digest([read, [asked[:2] for asked in target.asked]]) == "10e065fd6902"
    assert digest([objective.held_out.tolist(), objective.hidden.tolist()]) == "e5e2080ecd9c"


@pytest.mark.parametrize("at_once", [0, 1, 2, 5, 9])
def test_the_loss_is_the_mean_over_all_inputs(monkeypatch, at_once):
    objective, target, _ = watched(monkeypatch, at_once=at_once)
    table = CalibratedTable(torch.ones(12, 2), frozen=2, period=12)
    loss = objective.backward(table, 1)
    ids = np.array([row for asked in target.asked for row in asked[0]])
    assert len(target.asked) == -(-5 // max(1, at_once))
    assert loss == pytest.approx(24 * ids.mean())
    assert table.shift.grad.tolist() == pytest.approx([10 * ids.mean()] * 2)


@pytest.mark.parametrize(("at_once", "scored", "parts"), [(2, None, 3), (2, 5, 1), (1, 2, 3), (0, None, 5)])
def test_validation_inputs_are_scored_a_few_at_a_time(monkeypatch, at_once, scored, parts):
    objective, target, _ = watched(monkeypatch, at_once=at_once, scored_at_once=scored, keep=3)
    values = []
    objective.target = target = Watched(lambda ids: values.append(ids.double().mean(1)) or values[-1])
    loss = objective.validate(torch.zeros(12, 2))
    assert len(target.asked) == parts
    assert {first for _, _, first, _ in target.asked} == {3}
    assert [row for asked in target.asked for row in asked[0]] == objective.held_out.tolist()
    assert loss == pytest.approx(objective.held_out.mean())


def test_tokens_of_a_step(monkeypatch):
    assert watched(monkeypatch, document=8, spread=True, batch=3)[0].tokens(7) == 24


def test_every_place_of_every_text_is_as_likely():
    texts = [np.arange(10), np.arange(100, 125)]
    rng = np.random.default_rng(0)
    begun = Counter(int(prediction._window(texts, 6, rng)[0]) for _ in range(25_000))
    assert set(begun) == {*range(5), *range(100, 120)}
    assert max(begun.values()) < 1.25 * min(begun.values())


@pytest.mark.parametrize("first", [0, 1, 4])
def test_the_next_token_is_predicted_from_those_before(first):
    logits = torch.randn(2, 6, 9)
    ids = torch.randint(9, (2, 6))
    found = NextToken().losses(lambda _: logits, ids, torch.ones(2, 6, dtype=torch.bool), first)
    wanted = [-logits[row, at - 1].log_softmax(0)[ids[row, at]] for row in range(2) for at in range(max(first, 1), 6)]
    torch.testing.assert_close(found, torch.stack(wanted))


def test_hidden_tokens_are_predicted_from_all_others():
    logits, ids = torch.randn(2, 6, 9), torch.randint(5, (2, 6))
    hidden = torch.tensor([[1, 0, 0, 1, 0, 1], [0, 0, 1, 0, 0, 1]], dtype=torch.bool)
    read = []
    given = hidden.clone()
    found = HiddenTokens(8).losses(lambda given: read.append(given) or logits, ids, given, 3)
    assert torch.equal(given, hidden)  # it may be read again
    hidden[:, :3] = False
    assert read[0].eq(torch.where(hidden, 8, ids)).all()  # those before the first position that counts are context
    places = [(0, 3), (0, 5), (1, 5)]
    torch.testing.assert_close(found, torch.stack([-logits[place].log_softmax(0)[ids[place]] for place in places]))


def test_rows_of_a_short_input_are_two_stretches():
    config = configured(kind="causal", length=20, keep=0, period=20, document=6, spread=True)
    table = torch.arange(23.0)[:, None]
    cuts, begins = Counter(), set()
    for seed in range(600):
        read = spread_rows(table, 3, config, PlainRng("spread", seed))
        assert read[:3, 0].tolist() == [0.0, 1.0, 2.0]
        assert torch.equal(read[9:], table[9:])
        places = [int(row) - 3 for row in read[3:9, 0]]
        begins.add(places[0])
        cuts[next((at for at, (a, b) in enumerate(itertools.pairwise(places), 1) if b - a > 1), 0)] += 1
        assert max(places) <= 19
    assert begins == set(range(15))
    assert set(cuts) == {0, 1, 2, 3, 4, 5}


def test_validation_inputs_that_do_not_fit_together_are_read_in_parts(monkeypatch):
    objective, table, _ = made("causal")
    rows = table.written().detach()
    wanted, scored = objective.validate(rows), objective._scored

    def tight(rows, part):
        if part.stop - part.start > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return scored(rows, part)

    monkeypatch.setattr(objective, "_scored", tight)
    assert objective.validate(rows) == pytest.approx(wanted)
    assert objective.scored_at_once == 1
    monkeypatch.setattr(objective, "_scored", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(WorkFailedError, match=r"^not even one input of \d+ tokens fits into the memory of cpu: "):
        objective.validate(rows)


def test_half_as_many_inputs():
    objective, _, _ = made("causal", at_once=5)
    assert [(objective.halve(), objective.at_once) for _ in range(3)] == [(True, 2), (True, 1), (False, 1)]
