"""What a trial is made from."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from posembed.quality.models.causal import CAUSAL
from posembed.quality.search.trial import LONGEST, Trial, TrialRequest
from posembed.records.search import SearchOptions


@pytest.mark.parametrize(
    ("old", "new", "lengths"),
    [
        (512, 4096, [512, 1024]),
        (512, 768, [512, 768]),
        (64, 4096, [64, 1024]),
        (1024, 8192, [1024, 2048]),
        (2048, 3000, [2048, 3000]),
    ],
)
def test_documents_are_at_most_twice_the_old_length_or_longest(old, new, lengths):
    request = TrialRequest(CAUSAL, Path("a"), SimpleNamespace(usable_length=old), new, SearchOptions())
    assert request.lengths == lengths
    assert LONGEST == 1024


def test_a_trial_must_be_whole():
    assert Trial.__abstractmethods__ == {"load", "positions", "documents", "prepare", "run", "baseline"}
