"""What each kind of model reads, and what is measured."""

from dataclasses import replace

import pytest
import torch

from posembed.quality.behavior.short_texts import ShortTexts
from posembed.quality.behavior.text_tasks import text_task

TEXTS = ShortTexts(tuple(tuple(range(10 * n, 10 * n + 20)) for n in range(1, 7)), (2,), (3,), mask_id=4)


def test_a_decoder_predicts_every_token():
    given, task = text_task("causal")(TEXTS, 12, "mean", 0)
    assert task.measure == "loss"
    assert torch.equal(given, TEXTS.inputs(12))


def test_a_masked_model_predicts_hidden_tokens():
    given, task = text_task("masked")(TEXTS, 12, "mean", 0)
    assert task.measure == "loss"
    assert torch.equal(given == 4, task.hidden)
    assert torch.equal(given[~task.hidden], TEXTS.inputs(12)[~task.hidden])
    assert text_task("masked")(replace(TEXTS, mask_id=None), 12, "mean", 0)[1].measure == "cosine"


@pytest.mark.parametrize("kind", ["embedding", None])
def test_any_other_model_gives_vectors(kind):
    given, task = text_task(kind)(TEXTS, 12, "cls", 0)
    assert (task.measure, task.pooling) == ("cosine", "cls")
    assert torch.equal(given, TEXTS.inputs(12))
