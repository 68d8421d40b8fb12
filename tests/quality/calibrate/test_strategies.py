"""Every kind of model has a strategy of its own."""

from typing import get_args

from posembed.quality.calibrate.strategies import STRATEGIES, strategy_for
from posembed.quality.models.kinds import KINDS
from posembed.records.choices import KindName


def test_every_kind_has_one():
    trained = [kind for kind in KINDS if not kind.only_evaluated]
    assert [strategy_for(kind).kind for kind in trained] == [strategy.kind for strategy in STRATEGIES] == trained
    assert {kind.name for kind in KINDS} == set(get_args(KindName))


def test_only_language_models_give_logits():
    assert {strategy.kind.name: strategy.gives_logits for strategy in STRATEGIES} == {
        "embedding": False, "causal": True, "masked": True,
    }  # fmt: skip
