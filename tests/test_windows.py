from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.windows import (
    IGNORED,
    Windows,
    cut_windows,
    document_means,
    evaluation_task,
    prediction_task,
)


def ramps(*lengths):
    """Documents whose tokens are their own positions, plus 1000 a document."""
    return [np.arange(length, dtype=np.int32) + 1000 * index for index, length in enumerate(lengths)]


def test_evenly_spread_windows():
    windows = cut_windows(ramps(10, 4, 26), 4, 3, 99)
    begins = windows.tokens[:, 0].tolist()
    # 10 tokens hold two windows of 5, at both ends; 4 hold none; 26 hold five, of which three are wanted
    assert begins == [0, 5, 2000, 2010, 2021]
    assert windows.document.tolist() == [0, 0, 1, 1, 1]
    assert windows.documents == 2
    assert windows.tokens.dtype == np.int64
    assert (np.diff(windows.tokens, axis=1) == 1).all()


def test_a_single_window_is_in_the_middle():
    assert cut_windows(ramps(11), 4, 1, 9).tokens.tolist() == [[3, 4, 5, 6, 7]]
    assert cut_windows(ramps(5), 4, 9, 9).tokens.tolist() == [[0, 1, 2, 3, 4]]


def test_the_limit_counts_documents_that_are_long_enough():
    windows = cut_windows(ramps(3, 9, 3, 9, 9, 9), 4, 1, 2)
    assert windows.documents == 2
    assert (windows.tokens[:, 0] // 1000).tolist() == [1, 3]
    none = cut_windows(ramps(3, 4), 4, 1, 9)
    assert (none.tokens.shape, none.document.shape, none.documents) == ((0, 5), (0,), 0)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(1, 12), st.integers(1, 5), st.integers(1, 9))
def test_windows_lie_inside_their_documents_and_do_not_overlap(lengths, length, per_document, limit):
    windows = cut_windows(ramps(*lengths), length, per_document, limit)
    long_enough = [index for index, own in enumerate(lengths) if own > length][:limit]
    assert windows.documents == len(long_enough)
    origin = windows.tokens[:, 0] // 1000
    assert (windows.tokens // 1000 == origin[:, None]).all()
    assert origin.tolist() == [long_enough[index] for index in windows.document]
    for index in long_enough:
        own = windows.tokens[origin == index]
        assert len(own) == min(per_document, lengths[index] // (length + 1))
        assert len(np.unique(own)) == own.size


def test_a_prefix_keeps_the_beginnings():
    windows = cut_windows(ramps(20, 20), 8, 2, 9)
    shorter = windows.prefix(3)
    assert shorter.tokens.tolist() == windows.tokens[:, :4].tolist()
    assert (shorter.document is windows.document, shorter.documents) == (True, 2)


def test_a_decoder_predicts_the_successors(corpus):
    tokens = np.arange(12).reshape(2, 6)
    inputs, targets = prediction_task(tokens, corpus, "decoder", np.random.default_rng(0), training=True)
    assert inputs.tolist() == [[0, 1, 2, 3, 4], [6, 7, 8, 9, 10]]
    assert targets.tolist() == [[1, 2, 3, 4, 5], [7, 8, 9, 10, 11]]


def test_an_encoder_predicts_what_is_hidden(corpus):
    tokens = np.random.default_rng(1).integers(0, 256, (400, 65))
    before = tokens.copy()
    inputs, targets = prediction_task(tokens, corpus, "encoder", np.random.default_rng(0), training=False)
    assert (tokens == before).all()
    hidden = targets != IGNORED
    assert (targets[hidden] == tokens[:, :-1][hidden]).all()
    assert (inputs[hidden] == corpus.mask).all()
    assert (inputs[~hidden] == tokens[:, :-1][~hidden]).all()
    assert 0.155 < hidden.mean() < 0.175  # 15 %, and one a window more
    assert hidden.any(axis=1).all()


def test_every_short_window_hides_one(corpus):
    tokens = np.zeros((500, 3), dtype=np.int64)
    _, targets = prediction_task(tokens, corpus, "encoder", np.random.default_rng(0), training=False)
    assert (targets != IGNORED).any(axis=1).all()


def test_while_training_some_hidden_ones_are_left_or_replaced(corpus):
    tokens = np.full((3000, 65), 7)
    inputs, targets = prediction_task(tokens, corpus, "encoder", np.random.default_rng(0), training=True)
    hidden = targets != IGNORED
    seen = inputs[hidden]
    assert (targets[hidden] == 7).all()
    assert (inputs[~hidden] == 7).all()
    masked, kept = (seen == corpus.mask).mean(), (seen == 7).mean()
    other = (seen != corpus.mask) & (seen != 7)
    assert masked == pytest.approx(0.8, abs=0.01)
    assert kept == pytest.approx(0.1, abs=0.01)
    assert other.mean() == pytest.approx(0.1, abs=0.01)
    assert (seen[other].min(), seen[other].max()) == (0, 255)  # never the separator, never the mask


def test_the_evaluation_hides_the_same_tokens_every_time(corpus):
    windows = cut_windows(corpus.test, 16, 2, 8)
    inputs, targets = evaluation_task(windows, corpus, "encoder")
    np.random.default_rng(1).random(5)
    again = evaluation_task(windows, replace(corpus, sha256="other"), "encoder")
    assert (inputs == again[0]).all()
    assert (targets == again[1]).all()


def test_document_means_leave_out_what_is_not_predicted():
    losses = np.array([[1.0, np.nan, 3.0], [5.0, 5.0, 2.0], [np.nan, np.nan, np.nan], [4.0, np.nan, np.nan]])
    windows = Windows(np.zeros((4, 4), dtype=np.int64), np.array([0, 0, 1, 2]), 3)
    means = document_means(losses, windows)
    assert means[0] == pytest.approx((1 + 3 + 5 + 5 + 2) / 5)  # over tokens, not over windows
    assert np.isnan(means[1])
    assert means[2] == 4.0
