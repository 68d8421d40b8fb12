"""The sliding window of a model of the old length, with models whose losses are known."""

import numpy as np
import pytest
import torch

from posembed.quality.evaluate.sliding import STRIDE, sliding_losses, window_starts
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED
from posembed.quality.models.scorer import Scorer

VOCABULARY = 11


def shows(context):
    """A scorer whose loss of a token is the number of tokens before it, in the window that shows it."""

    def logits(ids):
        place = torch.arange(ids.shape[1], dtype=torch.float32)
        if context is MASKED:
            place = torch.minimum(place, ids.shape[1] - 1 - place)
        made = torch.zeros(*ids.shape, 2)
        made[..., 1] = torch.log(torch.expm1(torch.clamp(place + (context is CAUSAL), min=1e-3)))
        return made

    return Scorer(logits, context, 1)


def losses(kind, length, window, documents=2):
    """The loss of token 0 is log(1 + e^logit of token 1): as made above, the context that its window shows."""
    ids = np.zeros((documents, length), dtype=np.int64)
    return sliding_losses(shows(kind), ids, np.ones(ids.shape, bool), window)


@pytest.mark.parametrize(
    ("length", "window", "starts"),
    [
        (20, 8, [0, 4, 8, 12]),
        (21, 8, [0, 4, 8, 12, 13]),
        (24, 8, [0, 4, 8, 12, 16]),
        (9, 8, [0, 1]),
        (40, 16, [0, 8, 16, 24]),
        (5, 1, [0, 1, 2, 3, 4]),
        (10, 3, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_windows_move_by_half_their_length(length, window, starts):
    assert window_starts(length, window) == starts
    assert STRIDE == 0.5, "numbers of sliding windows with another stride cannot be compared"


def test_a_causal_token_is_predicted_with_at_least_half_a_window():
    found = losses(CAUSAL, 40, 16)
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[0, 1:16], np.arange(1, 16), atol=1e-3)  # the first window, from its start
    np.testing.assert_allclose(found[0, 16:24], np.arange(8, 16), atol=1e-3)
    np.testing.assert_allclose(found[0, 24:32], np.arange(8, 16), atol=1e-3)
    np.testing.assert_allclose(found[0, 32:], np.arange(8, 16), atol=1e-3)


def test_the_last_window_ends_with_the_input():
    found = losses(CAUSAL, 19, 16)
    np.testing.assert_allclose(found[0, 16:], [13, 14, 15], atol=1e-3)


def test_a_masked_token_is_taken_from_the_window_whose_middle_is_nearest():
    found = losses(MASKED, 32, 16)
    np.testing.assert_allclose(found[0, 1:8], np.arange(1, 8), atol=1e-3)
    np.testing.assert_allclose(found[0, 8:12], [7, 6, 5, 4], atol=1e-3)
    np.testing.assert_allclose(found[0, 12:16], [4, 5, 6, 7], atol=1e-3)
    np.testing.assert_allclose(found[0, 24:31], [7, 6, 5, 4, 3, 2, 1], atol=1e-3)


@pytest.mark.parametrize("length", [16, 9])
def test_a_short_input_is_read_whole(length):
    np.testing.assert_allclose(losses(CAUSAL, length, 16)[0, 1:], np.arange(1, length), atol=1e-3)


def test_each_window_reads_its_own_tokens_and_predicts_those_chosen():
    ids = np.arange(40, dtype=np.int64)[None] % VOCABULARY
    chosen = np.random.default_rng(0).random(ids.shape) < 0.5
    seen = []

    def logits(part):
        seen.append(part[0].tolist())
        return torch.zeros(*part.shape, VOCABULARY)

    found = sliding_losses(Scorer(logits, CAUSAL), ids, chosen, 16)
    assert seen == [ids[0, begin : begin + 16].tolist() for begin in (0, 8, 16, 24)]
    chosen[:, 0] = False
    np.testing.assert_array_equal(np.isfinite(found), chosen)


@pytest.mark.parametrize("window", [5, 6, 7, 16, 33])
def test_every_token_has_a_loss(window):
    assert np.isfinite(losses(CAUSAL, 50, window)[:, 1:]).all()


def test_a_masked_model_scores_the_tokens_at_both_ends():
    """Each of them stands at the edge of the only window that shows it, with no context on one side."""
    found = losses(MASKED, 20, 8)
    assert np.isfinite(found[:, [0, -1]]).all()
