"""Documents that are asked for by their titles and sections: which are drawn, and the loss of finding them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from posembed.quality.calibrate import asked as module
from posembed.quality.calibrate.asked import AskedDocuments, asked_loss, questions
from posembed.quality.tasks.held_out import HeldOut
from tests.quality.tasks.documents import document, encode

EMBEDDER = SimpleNamespace(encode=encode, special=2)
MANUAL = [document(number) for number in range(30)]


def targets(documents):
    """Vectors that tell which document they are of."""
    return torch.tensor([[float(sum(ids)), float(len(ids))] for ids in documents], dtype=torch.float64)


def made(documents=MANUAL, lengths=(302, 152), seed=0):
    return AskedDocuments(documents, EMBEDDER, lengths, targets, seed)


def test_documents_are_excerpts_of_training_documents_with_a_query_each():
    known = HeldOut([], MANUAL).excerpts(encode, 300, "train", 0)
    drawn = made().draw(302, 5, np.random.default_rng(0))
    assert len({tuple(each) for each in drawn.documents}) == 5
    for ids, query in zip(drawn.documents, drawn.queries, strict=True):
        (excerpt,) = [each for each in known if list(each.ids) == ids]
        assert query in [list(excerpt.title.ids), list(excerpt.section.ids)]
    assert {len(each) for each in made().draw(152, 5, np.random.default_rng(0)).documents} == {150}


def test_both_titles_and_sections_are_asked_with():
    rng = np.random.default_rng(0)
    titles = {tuple(excerpt.title.ids) for excerpt in HeldOut([], MANUAL).excerpts(encode, 300, "train", 0)}
    drawn = [tuple(query) in titles for _ in range(20) for query in made().draw(302, 4, rng).queries]
    assert 20 < sum(drawn) < 60


def test_the_same_random_numbers_draw_the_same():
    one, other = (made().draw(302, 4, np.random.default_rng(3)) for _ in range(2))
    assert (one.documents, one.queries) == (other.documents, other.queries)


def test_a_document_is_not_told_apart_from_itself(monkeypatch):
    monkeypatch.setattr(module, "_OTHERS", 12)
    drawn = made().draw(302, 30, np.random.default_rng(0))
    assert drawn.own.shape == (30, 12)
    assert (drawn.own.sum(1) <= 1).all()
    assert int(drawn.own.sum()) == 12  # every other document was drawn once
    own = targets(drawn.documents)
    for row, mine in enumerate(drawn.own):
        for other in drawn.others[mine]:
            torch.testing.assert_close(other, own[row])


def test_lengths_with_few_documents_are_left_out():
    assert list(made().excerpts) == [302, 152]
    assert list(made(MANUAL[:9]).excerpts) == []
    assert list(made(lengths=(50_000, 152)).excerpts) == [152]
    assert made([]).excerpts == {}


def test_a_sentence_asks_for_what_has_neither_title_nor_section():
    sentence, title = object(), object()
    assert questions(SimpleNamespace(title=None, section=None, sentence=sentence)) == [sentence]
    assert questions(SimpleNamespace(title=title, section=None, sentence=sentence)) == [title]
    assert questions(SimpleNamespace(title=None, section=None, sentence=None)) == []


def test_the_loss_against_a_plain_computation():
    draw = torch.Generator().manual_seed(0)
    vectors, queries, others = (
        F.normalize(torch.randn(count, 5, generator=draw, dtype=torch.float64), dim=1) for count in (3, 3, 4)
    )
    own = torch.zeros(3, 4, dtype=torch.bool)
    own[1, 2] = True
    total = 0.0
    for number in range(3):
        mine = float(vectors[number] @ queries[number]) / 0.05
        rest = [float(queries[number] @ each) / 0.05 for each in others[~own[number]]]
        total += np.log(np.exp([mine, *rest]).sum()) - mine
    assert asked_loss(vectors, queries, others, own).item() == pytest.approx(total / 3)


def test_the_gradient_pulls_a_document_towards_its_query_alone():
    vectors = F.normalize(torch.randn(2, 4, generator=torch.Generator().manual_seed(1)), dim=1).requires_grad_()
    queries = F.normalize(torch.randn(2, 4, generator=torch.Generator().manual_seed(2)), dim=1)
    asked_loss(vectors, queries, torch.eye(4), torch.zeros(2, 4, dtype=torch.bool)).backward()
    for gradient, query in zip(vectors.grad, queries, strict=True):
        assert F.cosine_similarity(-gradient, query, dim=0).item() == pytest.approx(1, abs=1e-5)
