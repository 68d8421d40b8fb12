"""Long passages towards their chunks' vectors: passages, targets, the loss and its gradient, and what is learned."""

import numpy as np
import pytest
import torch

from posembed.extension.live import extend_in_place
from posembed.quality.calibrate import distillation
from posembed.quality.calibrate.asked import asked_loss
from posembed.quality.calibrate.distillation import Distillation, distillation_loss, token_distance
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.smooth_table import SmoothTable
from posembed.quality.documents.document import Document, Section
from posembed.quality.models.embedding import load_embedder
from posembed.quality.texts import load_texts
from posembed.records.calibration import DistillationTarget
from tests.fixtures.calibrations import configured

KEY = "embeddings.position_embeddings.weight"
SETTINGS = {"keep": 0, "hidden": 0.0, "knots": 5, "document": 128, "batch": 3, "held_out": 4, "period": 128}


@pytest.fixture(scope="module")
def split(texts):
    return load_texts(texts)


@pytest.fixture(scope="module")
def manual(split):
    """Documents whose first six words are their title."""
    return [
        Document(" ".join(words[:6]), (Section("", f"{' '.join(words[6:])}."),))
        for words in map(str.split, split["train"])
    ]


@pytest.fixture
def make(embedder, split, monkeypatch):
    """An objective of the small embedder, its 64 rows repeated to 128, and the repeated rows."""
    target = DistillationTarget(32, 48, 0.5)
    monkeypatch.setattr(distillation, "_BANK", 6)

    def make_(at_once=8, documents=(), **settings):
        loaded = load_embedder(embedder)
        stored = loaded.model.get_parameter(KEY).detach().clone()
        extend_in_place(loaded.model, 128, method="tile")
        rows = torch.cat((stored, stored))
        own = loaded.with_model(FrozenModel(loaded.model, KEY), "fp32")
        config = configured(**SETTINGS | settings)
        objective = Distillation(
            own, config, rows, 64, target, split["train"], split["validation"], at_once=at_once,
            documents=documents,
        )  # fmt: skip
        return objective, rows

    return make_


def test_passages_have_the_length_of_their_step_and_depend_on_its_number_alone(make):
    one, other = make()[0], make()[0]
    for step in range(4):
        passages, asked = one.batch(step)
        assert asked is None
        assert [len(each) + one.embedder.special for each in passages] == [128] * 3
        assert passages == other.batch(step)[0]
        assert one.tokens(step) == 3 * 128
    assert one.batch(0) != one.batch(1)
    assert make(queries_trained=True)[0].lengths == [128, distillation.SHORT]


def test_a_target_is_the_mean_of_the_chunks_and_half_of_the_beginning(make):
    objective, rows = make()
    body = 32 - objective.embedder.special
    passage = objective.batch(0)[0][0]
    with objective.model.reading(rows):
        chunks = objective.embedder.embed([passage[at : at + body] for at in range(0, len(passage), body)])
        (beginning,) = objective.embedder.embed([passage[: 48 - objective.embedder.special]])
    mean = chunks.mean(axis=0)
    wanted = mean / np.linalg.norm(mean) + 0.5 * beginning
    np.testing.assert_allclose(objective.targets([passage])[0], wanted / np.linalg.norm(wanted), atol=1e-6)


def test_the_target_of_a_short_passage_is_its_own_old_vector(make):
    objective, rows = make()
    passage = objective.batch(0)[0][0][:20]
    with objective.model.reading(rows):
        own = objective.embedder.embed([passage])
    np.testing.assert_allclose(objective.targets([passage]), own, atol=1e-6)


def test_tokens_have_the_states_of_their_chunks(make):
    objective, rows = make()
    body = 32 - objective.embedder.special
    passages = [objective.batch(0)[0][0], objective.batch(0)[0][1][:20]]
    found = objective.targets_and_tokens(passages)[1]
    for passage, own in zip(passages, found, strict=True):
        chunks = [passage[at : at + body] for at in range(0, len(passage), body)]
        with objective.model.reading(rows), torch.no_grad():
            wanted = torch.cat([objective.embedder.pooled_with_tokens([chunk])[1][0] for chunk in chunks])
        assert own.shape == wanted.shape == (len(passage), rows.shape[1])
        torch.testing.assert_close(own, wanted, atol=1e-5, rtol=0)


def test_the_loss_is_that_of_vectors_and_tokens(make):
    objective, rows = make()
    table = SmoothTable(rows, frozen=0, knots=5, span=128)
    passages = objective.batch(3)[0]
    targets, wanted = objective.targets_and_tokens(passages)
    with objective.model.reading(table().detach()), torch.no_grad():
        vectors, tokens = objective.embedder.pooled_with_tokens(passages)
    distances = [token_distance(*each) for each in zip(tokens, wanted, strict=True)]
    whole = distillation_loss(vectors, targets, objective.bank) + sum(distances) / len(distances)
    assert objective.backward(table, 3) == pytest.approx(whole.item(), rel=1e-5)


def test_targets_of_several_passages_are_those_of_each(make):
    objective, _ = make()
    passages = [objective.batch(0)[0][0], objective.batch(0)[0][1][:40], objective.batch(1)[0][0][:77]]
    together = objective.targets(passages)
    alone = torch.cat([objective.targets([each]) for each in passages])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def gradients(objective, rows):
    table = SmoothTable(rows, frozen=0, knots=5, span=128)
    with torch.no_grad():
        table.rows.normal_(generator=torch.Generator().manual_seed(0)).mul_(0.1)
    loss = objective.backward(table, 3)
    return loss, [each.grad for each in table.parameters()]


def test_passages_that_do_not_fit_together_give_the_same_gradients(make):
    loss, whole = gradients(*make())
    parts_loss, parts = gradients(*make(at_once=2))
    assert parts_loss == pytest.approx(loss, rel=1e-5)
    for one, other in zip(whole, parts, strict=True):
        assert float(one.abs().max()) > 0
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_the_loss_against_a_plain_computation():
    draw = torch.Generator().manual_seed(0)
    vectors, targets, others = (
        torch.nn.functional.normalize(torch.randn(count, 5, generator=draw, dtype=torch.float64), dim=1)
        for count in (3, 3, 4)
    )
    total = 0.0
    for number in range(3):
        scores = [float(vectors[number] @ each) / 0.05 for each in (*targets, *others)]
        total += 1 - float(vectors[number] @ targets[number])
        total += 0.1 * (np.log(np.exp(scores).sum()) - scores[number])
    assert distillation_loss(vectors, targets, others).item() == pytest.approx(total / 3)


def test_vectors_come_nearer_to_their_targets(make):
    objective, rows = make()
    table = SmoothTable(rows, frozen=0, knots=5, span=128)
    optimizer = torch.optim.Adam(table.parameters(), lr=0.03)
    before = objective.validate(table().detach())
    for step in range(40):
        optimizer.zero_grad()
        objective.backward(table, step)
        optimizer.step()
    assert objective.validate(table().detach()) < 0.9 * before


def test_a_part_of_the_steps_reads_documents_that_are_asked_for(make, manual):
    objective = make(documents=manual, asked=0.5)[0]
    batches = [objective.batch(step) for step in range(60)]
    with_queries = [each for each in batches if each[1] is not None]
    assert 15 < len(with_queries) < 45
    for passages, asked in with_queries:
        assert passages == asked.documents
        assert len(asked.queries) == len(passages) == 3
    assert objective.batch(7)[0] == make(documents=manual, asked=0.5)[0].batch(7)[0]
    assert all(asked is None for _, asked in (make(documents=manual)[0].batch(step) for step in range(4)))
    assert all(asked is None for _, asked in (make(asked=1.0)[0].batch(step) for step in range(4)))  # none has a title


def test_the_loss_of_asked_documents_is_added(make, manual):
    objective, rows = make(documents=manual, asked=1.0)
    table = SmoothTable(rows, frozen=0, knots=5, span=128)
    passages, asked = objective.batch(3)
    targets, wanted = objective.targets_and_tokens(passages)
    queries = objective.reader.embed(rows, asked.queries, queries=True)
    with objective.model.reading(table().detach()), torch.no_grad():
        vectors, tokens = objective.embedder.pooled_with_tokens(passages)
    distances = [token_distance(*each) for each in zip(tokens, wanted, strict=True)]
    whole = distillation_loss(vectors, targets, objective.bank) + sum(distances) / len(distances)
    whole += 0.2 * asked_loss(vectors, queries, asked.others, asked.own)
    assert objective.backward(table, 3) == pytest.approx(whole.item(), rel=1e-5)
    assert objective.tokens(3) == 3 * 128


def test_asked_documents_that_do_not_fit_together_give_the_same_gradients(make, manual):
    loss, whole = gradients(*make(documents=manual, asked=1.0))
    parts_loss, parts = gradients(*make(at_once=2, documents=manual, asked=1.0))
    assert parts_loss == pytest.approx(loss, rel=1e-5)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)
