"""What embedding models are trained for: the batches, the loss, the gradient, with and without two passes."""

import contextlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from posembed import extend_model
from posembed.errors import DataError
from posembed.quality.calibrate import contrastive
from posembed.quality.calibrate.contrastive import Contrastive, contrastive_loss, group_sizes
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.table_reader import TableReader
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.embedding import load_embedder
from posembed.quality.tasks.names import FILLERS
from posembed.quality.texts import load_texts
from tests.fixtures.calibrations import configured
from tests.fixtures.plain_rng import PlainRng, digest
from tests.quality.calibrate.test_documents import TEXT, Vocabulary

KEY = "embeddings.position_embeddings.weight"
CONFIG = configured(keep=64, period=64, document=100, batch=6, held_out=12)


@pytest.fixture
def objective(embedder, texts):
    def make(at_once=6, config=CONFIG, frozen=64):
        loaded = load_embedder(embedder)
        extend_model(loaded.model, 128, method="tile")
        start = loaded.model.get_parameter(KEY).detach().clone()
        own = Embedder(FrozenModel(loaded.model, KEY), loaded.tokenizer)
        sets = load_texts(texts)
        made = Contrastive(own, config, start, sets["train"], sets["validation"], at_once=at_once)
        return made, CalibratedTable(start, frozen=frozen, period=64)

    return make


def test_a_step_has_groups_of_one_haystack(objective):
    made, _ = objective(config=replace(CONFIG, batch=20))
    for step in range(6):
        groups = made.batch(step)
        assert [len(documents) for documents, _ in groups] == [len(queries) for _, queries in groups] == [10, 10]
        assert {len(document) for documents, _ in groups for document in documents} == {98}  # and two special tokens


def test_half_of_the_held_out_groups_hide_facts_in_the_sentences_of_evaluation(objective):
    made, _ = objective(config=replace(CONFIG, batch=16, held_out=64, facts=0.5))
    assert len(made.held_out) == 8
    for number in range(4):
        documents, _ = made.held_out[2 * number]
        filler = made.embedder.encode(FILLERS["validation"][number])
        assert all(any(document[at : at + 8] == filler[:8] for at in range(90)) for document in documents)
    no_facts, _ = objective(config=replace(CONFIG, batch=16, held_out=64, facts=0.0))
    filler = no_facts.embedder.encode(FILLERS["validation"][0])
    assert not any(document[at : at + 8] == filler[:8] for document in no_facts.held_out[0][0] for at in range(90))


@given(st.integers(2, 500))
def test_no_document_is_alone(batch):
    sizes = group_sizes(batch)
    assert sum(sizes) == batch
    assert min(sizes) >= 2
    assert max(sizes) <= 15


def test_short_documents_are_met_more_often(objective):
    made, _ = objective(config=replace(CONFIG, length=4096, document=2048, batch=2))
    lengths = Counter(len(made.batch(step)[0][0][0]) + 2 for step in range(200))
    assert sum(map(made.tokens, range(200))) == sum(2 * length * count for length, count in lengths.items())
    assert set(lengths) == {512, 1024, 2048}
    assert lengths[512] > 1.4 * lengths[1024]
    assert lengths[1024] > 1.4 * lengths[2048]


def test_a_step_decides_its_batch(objective):
    first, second = objective()[0], objective()[0]
    assert first.batch(3) == second.batch(3)
    assert first.batch(3) != first.batch(4)


def test_training_reads_no_validation_text(objective, texts):
    sets = load_texts(texts)
    made, _ = objective()
    text = {tuple(made.embedder.encode(document)) for document in sets["validation"]}
    joined = " ".join(map(str, made.train.tokens.tolist()))
    assert all(" ".join(map(str, document)) not in joined for document in text)
    assert len(text) > 5


ALL_ROWS = replace(CONFIG, keep=0, queries_trained=True)


@pytest.mark.parametrize(("config", "frozen"), [(CONFIG, 64), (ALL_ROWS, 0)])
@pytest.mark.parametrize("at_once", [1, 4, 5])
def test_two_passes_give_the_gradient_of_one(objective, at_once, config, frozen):
    found = []
    for size in (6, at_once):
        made, table = objective(size, config, frozen)
        with torch.no_grad():
            table.shift.copy_(torch.linspace(-0.1, 0.2, 32))
        loss = made.backward(table, 2)
        found.append((loss, table.shift.grad, table.rows.grad))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        assert one.abs().max() > 1e-4
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize(("config", "frozen"), [(CONFIG, 64), (ALL_ROWS, 0)])
def test_the_gradient_is_the_loss_s_slope(objective, config, frozen):
    made, table = objective(6, config, frozen)
    made.backward(table, 1)
    direction = table.shift.grad / table.shift.grad.norm()
    slope = float(table.shift.grad @ direction)
    values = []
    for size in (-1e-2, 1e-2):
        with torch.no_grad():
            table.shift.copy_(size * direction)
        values.append(made.backward(table, 1))
    assert (values[1] - values[0]) / 2e-2 == pytest.approx(slope, rel=0.02)


@torch.no_grad()
@pytest.mark.parametrize(("config", "by_old"), [(CONFIG, True), (ALL_ROWS, False)])
def test_which_rows_read_the_queries(objective, config, by_old):
    """The old ones, or, where none of those stays, the table that is validated."""
    made, _ = objective(config=config)
    moved = made.old + torch.randn(32)  # not one number: layer normalization would take it out again
    losses = []
    for documents, queries in made.held_out:
        with made.model.reading(made.old if by_old else moved):
            wanted = made.embedder.pooled(queries)
        with made.model.reading(moved):
            losses.append(contrastive_loss(wanted, made.embedder.pooled(documents)).item())
    assert made.validate(moved) == pytest.approx(np.mean(losses), rel=1e-5)
    assert made.validate(moved) != pytest.approx(made.validate(made.old), rel=1e-3)


def test_loss_by_hand():
    queries = torch.nn.functional.normalize(torch.randn(3, 4), dim=1)
    documents = torch.nn.functional.normalize(torch.randn(3, 4), dim=1)
    scores = np.exp((queries @ documents.T).numpy() / 0.05)
    rows = -np.log(np.diag(scores) / scores.sum(axis=1)).mean()
    columns = -np.log(np.diag(scores) / scores.sum(axis=0)).mean()
    assert contrastive_loss(queries, documents).item() == pytest.approx((rows + columns) / 2, rel=1e-4)


def test_too_little_text(objective, tmp_path, embedder):
    for number in range(40):
        Path(tmp_path / f"{number}.txt").write_text(f"kakaka {number}", encoding="utf-8")
    sets = load_texts(str(tmp_path))
    loaded = load_embedder(embedder)
    start = loaded.model.get_parameter(KEY).detach()
    with pytest.raises(DataError, match=r"the training texts have \d+ tokens and 1 different words"):
        Contrastive(loaded, CONFIG, start, sets["train"], sets["validation"], at_once=1)


class Reader:
    """Holds the table that is read, as a frozen model does."""

    table = None

    @contextlib.contextmanager
    def reading(self, table):
        self.table = table
        yield
        self.table = None


class Words:
    """An embedder of a few lines: the sum of its tokens' vectors, each times the row of its position."""

    special = 2

    def __init__(self):
        self.model, self.encode, self.sizes = Reader(), Vocabulary(), []
        self.vectors = torch.randn(400, 4, generator=torch.Generator().manual_seed(0))

    def pooled(self, texts, **_side):
        self.sizes.append(len(texts))
        sums = [(self.vectors[torch.tensor(text) % 400] * self.model.table[: len(text)]).sum(0) for text in texts]
        return torch.nn.functional.normalize(torch.stack(sums), dim=1)

    @torch.no_grad()
    def embed(self, texts, **_side):
        return self.pooled(texts).numpy()


def small(monkeypatch, at_once=4, **settings):
    """An objective with that embedder, whose random numbers are plain, and the words that they were made of."""
    words = []
    monkeypatch.setattr(contrastive, "generator", lambda *given: words.append(given) or PlainRng(*given))
    usual = {"length": 90, "keep": 0, "period": 90, "document": 80, "batch": 12, "held_out": 24, "seed": 3}
    config = configured(**usual | settings)
    old = torch.ones(config.length, 4)
    return Contrastive(Words(), config, old, [TEXT] * 40, [TEXT[::-1]] * 40, at_once=at_once), words


def test_batches_are_those_that_published_tables_were_trained_on(monkeypatch):
    made, words = small(monkeypatch, length=4096, document=2048, batch=20, held_out=64)
    assert words == [("calibrate", "validation", 2048, 3)]
    batches = [made.batch(step) for step in range(12)]
    assert words[1] == ("calibrate", "step", 0, 3)
    assert [len(groups) for groups in batches] == [2] * 12
    assert digest(batches) == "157a3c3faa03"
    assert [len(documents[0]) + 2 for documents, _ in made.held_out] == [2048, 2048, 1024, 1024, 512, 512]
    assert digest(made.held_out) == "b1f304525db4"


@pytest.mark.parametrize(("facts", "digests"), [(0.0, "6b2c9348a565"), (1.0, "ca764b9f9274")])
def test_held_out_groups_of_other_shares(monkeypatch, facts, digests):
    made, _ = small(monkeypatch, facts=facts, held_out=48)
    assert len(made.held_out) == 4
    assert digest(made.held_out) == digests


@pytest.mark.parametrize(("held_out", "batch", "groups"), [(24, 12, 2), (4, 12, 2), (96, 32, 12), (64, 32, 8)])
def test_as_many_held_out_groups_as_fit(monkeypatch, held_out, batch, groups):
    """At least two batches: one whose documents hide facts, one like those of training."""
    assert len(small(monkeypatch, held_out=held_out, batch=batch)[0].held_out) == groups


@pytest.mark.parametrize("queries_trained", [False, True])
@pytest.mark.parametrize("at_once", [0, 1, 3, 5, 12])
def test_loss_and_gradient_are_those_of_the_whole_batch(monkeypatch, at_once, queries_trained):
    """Groups of six and of six, and of five, four and four; each counts by its documents."""
    for batch, sizes in ((12, [12]), (18, [9, 9]), (17, [9, 8])):
        made, _ = small(monkeypatch, at_once, batch=batch, queries_trained=queries_trained)
        table = CalibratedTable(torch.ones(90, 4), frozen=0, period=90)
        with torch.no_grad():
            table.rows.normal_(generator=torch.Generator().manual_seed(1))
        made.embedder.sizes.clear()
        loss = made.backward(table, 4)
        assert max(made.embedder.sizes) <= max(*sizes, at_once)
        weight = table().detach().requires_grad_()
        whole = 0.0
        for documents, queries in made.batch(4):
            assert len(documents) in sizes
            with made.model.reading(weight if queries_trained else made.old):
                wanted = made.embedder.pooled(queries)
            with made.model.reading(weight):
                whole = whole + len(documents) / batch * contrastive_loss(wanted, made.embedder.pooled(documents))
        whole.backward()
        assert loss == pytest.approx(whole.item(), rel=1e-5)
        torch.testing.assert_close(table.rows.grad, weight.grad, rtol=1e-3, atol=1e-6)


def test_a_group_that_fits_is_embedded_once(monkeypatch):
    for at_once, sizes in ((12, [12, 12]), (11, [12, 11, 1, 11, 1])):  # queries, then documents
        made, _ = small(monkeypatch, at_once)
        made.embedder.sizes.clear()
        made.backward(CalibratedTable(torch.ones(90, 4), frozen=0, period=90), 0)
        assert made.embedder.sizes == sizes


def test_old_rows_embed_the_held_out_queries_once(monkeypatch):
    made, _ = small(monkeypatch)
    assert len(made.query_vectors) == len(made.held_out)
    table = torch.full((90, 4), 2.0)
    made.embedder.sizes.clear()
    made.validate(table)
    assert len(made.embedder.sizes) == len(made.held_out)  # documents alone
    trained, _ = small(monkeypatch, queries_trained=True)
    assert trained.query_vectors == []
    trained.embedder.sizes.clear()
    trained.validate(table)
    assert len(trained.embedder.sizes) == 2 * len(trained.held_out)


@pytest.mark.parametrize("queries_trained", [False, True])
def test_queries_are_embedded_as_queries(monkeypatch, queries_trained):
    asked = []
    for name in ("pooled", "embed"):
        inner = getattr(TableReader, name)

        def seen(self, table, texts, *, queries=False, inner=inner):
            asked.extend((len(text), queries) for text in texts)
            return inner(self, table, texts, queries=queries)

        monkeypatch.setattr(TableReader, name, seen)
    made, _ = small(monkeypatch, queries_trained=queries_trained)
    made.backward(CalibratedTable(torch.ones(90, 4), frozen=0, period=90), 0)
    made.validate(torch.ones(90, 4))
    documents = {size for size, queries in asked if not queries}
    assert documents == {made.config.document - 2}
    assert {queries for size, queries in asked if size < 60} == {True}
    assert asked


def test_tokens_of_a_step_count_special_ones(monkeypatch):
    made, _ = small(monkeypatch, length=4096, document=2048, batch=3)
    for step in range(8):
        assert made.tokens(step) == 3 * (len(made.batch(step)[0][0][0]) + 2)


@pytest.mark.parametrize(
    ("batch", "sizes"), [(2, [2]), (8, [8]), (15, [15]), (16, [8, 8]), (17, [9, 8]), (24, [8, 8, 8])]
)
def test_groups_of_about_eight(batch, sizes):
    assert group_sizes(batch) == sizes
