"""Every kind of model has a trial."""

from typing import get_args

from posembed.quality.models.kinds import KINDS
from posembed.quality.search.trial import Trial
from posembed.quality.search.trials import TRIALS
from posembed.records.choices import KindName


def test_every_kind_has_a_trial():
    assert set(TRIALS) == {kind.name for kind in KINDS if not kind.only_evaluated}
    assert {kind.name for kind in KINDS} == set(get_args(KindName))
    assert all(issubclass(each, Trial) for each in TRIALS.values())
