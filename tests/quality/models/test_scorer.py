"""Losses by position against models whose losses are known."""

import numpy as np
import pytest
import torch

from posembed.errors import WorkFailedError
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.language import LanguageModel
from posembed.quality.models.masked import MASKED
from posembed.quality.models.scorer import Scorer

VOCABULARY = 11
IDS = np.random.default_rng(0).integers(0, VOCABULARY - 1, (3, 20))


def knows(ids):
    """A model that predicts the same token as it reads, and knows nothing else."""
    return 20.0 * torch.nn.functional.one_hot(ids, VOCABULARY).float()


def test_causal_losses_are_of_the_next_token():
    ids = np.stack([np.full(12, 3), np.arange(12) % VOCABULARY])
    found = Scorer(knows, CAUSAL).losses(ids, np.ones(ids.shape, bool))
    assert np.isnan(found[:, 0]).all()
    assert (found[0, 1:] < 1e-6).all()
    np.testing.assert_allclose(found[1, 1:], 20, atol=1e-5)
    assert found.dtype == np.float64


def test_masked_tokens_are_hidden_and_alone_predicted():
    chosen = np.random.default_rng(1).random(IDS.shape) < 0.3
    seen = []

    def logits(ids):
        seen.append(ids.clone())
        return torch.zeros(*ids.shape, VOCABULARY)

    found = Scorer(logits, MASKED, mask_id=10).losses(IDS, chosen)
    assert (torch.cat(seen).numpy() == np.where(chosen, 10, IDS)).all()
    np.testing.assert_array_equal(np.isfinite(found), chosen)
    np.testing.assert_allclose(found[chosen], np.log(VOCABULARY), atol=1e-6)


def test_inputs_are_not_changed():
    ids, chosen = IDS.copy(), np.ones(IDS.shape, bool)
    Scorer(knows, MASKED, 10).losses(ids, chosen)
    np.testing.assert_array_equal(ids, IDS)


def test_one_document_at_a_time_without_gradients():
    shapes = []

    def logits(ids):
        shapes.append((tuple(ids.shape), torch.is_grad_enabled()))
        return knows(ids)

    Scorer(logits, CAUSAL).losses(IDS, np.ones(IDS.shape, bool))
    assert shapes == [((1, 20), False)] * 3


@pytest.mark.parametrize(("kind", "place"), [(CAUSAL, 15), (MASKED, 14)])
def test_a_loss_that_is_not_finite_is_an_error(kind, place):
    def broken(ids):
        logits = knows(ids)
        logits[:, 14:] = float("nan")
        return logits

    with pytest.raises(WorkFailedError, match=rf"no finite loss at position {place} of an input of 20 tokens; check"):
        Scorer(broken, kind, 10).losses(IDS, np.ones(IDS.shape, bool))


def test_a_token_that_is_not_chosen_may_have_any_loss():
    chosen = np.ones(IDS.shape, bool)
    chosen[:, 5] = False

    def broken(ids):
        logits = knows(ids)
        logits[:, 4] = float("nan")
        return logits

    assert np.isnan(Scorer(broken, CAUSAL).losses(IDS, chosen)[:, 5]).all()


def test_of_a_loaded_model():
    loaded = LanguageModel(MASKED, None, None, mask_id=7)
    scorer = Scorer.of(loaded)
    assert (scorer.logits, scorer.kind, scorer.mask_id) == (loaded.logits, MASKED, 7)
