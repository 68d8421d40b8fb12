"""Change in short inputs, on vectors whose answers are known."""

import numpy as np
import pytest

from posembed.quality.evaluate.fidelity import SHORTEST, fidelity, short_texts


@pytest.fixture
def vectors():
    made = np.random.default_rng(0).standard_normal((30, 8)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_equal_vectors(vectors):
    same = fidelity(vectors, vectors, 20)
    assert (same.equal, same.texts, same.longest) == (30, 30, 20)
    assert same.rank_correlation == pytest.approx(1)
    assert same.cosine.least == pytest.approx(1)


def test_turned_vectors_keep_their_similarities(vectors):
    turned = np.linalg.qr(np.random.default_rng(1).standard_normal((8, 8)))[0].astype(np.float32)
    other = fidelity(vectors @ turned, vectors, 20)
    assert other.rank_correlation == pytest.approx(1, abs=1e-3)
    assert other.cosine.low < other.cosine.mean < other.cosine.high < 0.5
    assert other.cosine.least == pytest.approx(((vectors @ turned) * vectors).sum(axis=1).min(), abs=1e-6)
    assert other.equal == 0


def test_ranks_of_similarities():
    """Pairs (0, 1), (0, 2), (1, 2): the first model orders them 1, 2, 3, the second 1, 3, 2: Spearman's is 1/2."""

    def plane(*degrees):
        angles = np.radians(degrees)
        return np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)

    one, other = plane(0, 50, 80), plane(0, 60, 20)
    similarities = [(each @ each.T)[np.triu_indices(3, 1)] for each in (one, other)]
    assert [np.argsort(each).tolist() for each in similarities] == [[1, 0, 2], [0, 2, 1]]
    assert fidelity(one, other, 20).rank_correlation == pytest.approx(-0.5)
    assert fidelity(one, plane(0, 50, 79), 20).rank_correlation == pytest.approx(1)


def test_one_number_makes_a_vector_unequal(vectors):
    changed = vectors.copy()
    changed[3, 2] = np.nextafter(changed[3, 2], np.float32(2))
    assert fidelity(changed, vectors, 20).equal == 29


def test_rounding_cannot_make_a_cosine_larger_than_one():
    ones = np.full((3, 7), 1 / np.sqrt(7), dtype=np.float32) * np.float32(1.0001)
    found = fidelity(ones, ones, 20)
    assert found.cosine.mean == found.cosine.least == 1
    assert fidelity(ones, -ones, 20).cosine.mean == -1


def test_ranks_need_three_texts_that_differ(vectors):
    assert fidelity(vectors[:2], vectors[:2], 20).rank_correlation is None
    assert fidelity(vectors[:3], vectors[:3], 20).rank_correlation == pytest.approx(1)
    same = np.repeat(vectors[:1], 4, axis=0)
    assert fidelity(same, vectors[:4], 20).rank_correlation is None
    assert fidelity(vectors[:4], same, 20).rank_correlation is None


def test_short_texts_are_stretches_of_every_size():
    stream = list(range(5000))
    made = short_texts([stream[:100], stream[100:]], 400, 20, "test", 0)
    assert {len(text) for text in made} == set(range(SHORTEST, 21))
    assert all(text == list(range(text[0], text[0] + len(text))) for text in made)
    assert max(text[0] for text in made) > 4800
    assert SHORTEST == 8


def test_what_decides_the_short_texts():
    texts = [list(range(1000))]
    made = short_texts(texts, 50, 20, "test", 0)
    assert made == short_texts(texts, 50, 20, "test", 0)
    for other in ((19, "test", 0), (20, "validation", 0), (20, "test", 1)):
        assert short_texts(texts, 50, *other) != made


def test_few_tokens():
    assert {len(text) for text in short_texts([list(range(99))], 20, 5, "test", 0)} == {5}
    assert all(text == [7, 8] for text in short_texts([[7, 8]], 5, 9, "test", 0))
