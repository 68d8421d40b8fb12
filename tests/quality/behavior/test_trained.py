"""Table and behavior taken together."""

import pytest

from posembed.quality.behavior.trained import trained_by_both
from posembed.records.behavior import EffectiveRange
from posembed.tables.trained_range.record import TrainedRange


def table(verdict, end=None):
    return TrainedRange(verdict, end, end, end, None, ("why",), (), end)


def behavior(verdict, end=None):
    return EffectiveRange(verdict, end, end and end - 4, end and end + 4, ("why",), 16)


@pytest.mark.parametrize(
    ("shown", "done", "verdict", "end", "words"),
    [
        (table("ends", 100), behavior("ends", 106), "ends", 100, "and the model does worse past them"),
        (table("ends", 100), behavior("ends", 60), "ends", 100, "works alike only up to 60"),
        (table("ends", 100), behavior("ends", 160), "ends", 100, "although the model works alike up to 160"),
        (table("ends", 100), behavior("no end"), "ends", 100, "shows no end"),
        (table("whole"), behavior("ends", 156), "whole", None, "but the model works alike only up to 156"),
        (table("whole"), behavior("unknown"), "whole", None, "nothing that the model does speaks against it"),
        (table("unknown"), behavior("ends", 64), "ends", 64, "the table does not show it"),
        (table("unknown"), behavior("no end"), "unknown", None, "neither"),
    ],
)
def test_every_pair_of_verdicts(shown, done, verdict, end, words):
    found = trained_by_both(shown, done)
    assert (found.verdict, found.end) == (verdict, end)
    assert words in found.sentence
    assert (found.low is None) == (end is None)
