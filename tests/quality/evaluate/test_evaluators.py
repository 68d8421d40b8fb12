"""Every kind of model has an evaluator."""

from typing import get_args

from posembed.quality.evaluate.evaluator import Evaluator
from posembed.quality.evaluate.evaluators import EVALUATORS
from posembed.records.choices import KindName


def test_every_kind_has_an_evaluator():
    assert set(EVALUATORS) == set(get_args(KindName))
    assert all(isinstance(each, Evaluator) for each in EVALUATORS.values())
