"""Table, weights and behavior taken together."""

import pytest

from posembed.quality.behavior.trained import trained_by_both
from posembed.records.behavior import EffectiveRange
from posembed.tables.trained_range.record import TrainedRange
from posembed.tables.trained_range.thresholds import CONFIDENCE_EXACT


def table(verdict, end=None, confidence=None):
    usable = 200 if verdict == "whole" else end
    return TrainedRange(verdict, end, end, end, confidence, ("why",), (), usable)


def weights(verdict, end=None, low=None, high=None):
    return TrainedRange(verdict, end, low or end, high or end, None, ("by weights",), (), end)


def behavior(verdict, end=None):
    return EffectiveRange(verdict, end, end and end - 4, end and end + 4, ("why",), 16)


NOTHING = behavior("unknown")


@pytest.mark.parametrize(
    ("shown", "done", "verdict", "end", "words"),
    [
        (table("ends", 100), behavior("ends", 106), "ends", 100, "the model does worse past them"),
        (table("ends", 100), behavior("ends", 60), "ends", 100, "works alike only up to 60"),
        (table("ends", 100), behavior("ends", 160), "ends", 100, "the model works alike beyond it, up to 160"),
        (table("ends", 100), behavior("no end"), "ends", 100, "shows no end"),
        (table("whole"), behavior("ends", 156), "whole", None, "but the model works alike only up to 156"),
        (table("whole"), behavior("unknown"), "whole", None, "nothing that the model does speaks against it"),
        (table("unknown"), behavior("ends", 64), "ends", 64, "neither the table nor the weights show it clearly"),
        (table("unknown"), behavior("no end"), "unknown", None, "neither"),
    ],
)
def test_table_and_behavior_without_weights(shown, done, verdict, end, words):
    found = trained_by_both(shown, done)
    assert (found.verdict, found.end) == (verdict, end)
    assert words in found.sentence
    assert (found.low is None) == (end is None)
    assert found.evidence == ("why",)


@pytest.mark.parametrize(
    ("shown", "beside", "verdict", "end", "words"),
    [
        (table("unknown"), weights("ends", 50, 48, 53), "ends", 50, "which the table alone does not show"),
        (table("ends", 52), weights("ends", 50, 48, 53), "ends", 50, "the table and the weights of the model show it"),
        (table("whole"), weights("whole"), "whole", None, "the table and the weights of the model show it"),
        (table("unknown"), weights("whole"), "whole", None, "which the table alone does not show"),
        (table("ends", 190), weights("whole"), "whole", None, "although the table alone ends at 190"),
        (table("whole"), weights("ends", 190), "ends", 190, "to the last few as to random ones"),
        (table("whole"), weights("ends", 100), "whole", None, "the table shows it"),
        (table("whole"), weights("unknown"), "whole", None, "the table shows it"),
        (table("ends", 60), weights("unknown", None, 55, 90), "ends", 60, "the table shows it"),
        (table("ends", 60), weights("unknown", None, 80, 90), "unknown", None, "neither"),
        (table("unknown"), weights("unknown", None, 80, 90), "unknown", None, "neither"),
        (table("ends", 60, CONFIDENCE_EXACT), weights("whole"), "ends", 60, "the table shows it"),
    ],
)
def test_table_and_weights(shown, beside, verdict, end, words):
    found = trained_by_both(shown, NOTHING, beside)
    assert (found.verdict, found.end) == (verdict, end)
    assert words in found.sentence
    assert (found.low is None) == (found.high is None) == (end is None)
    assert found.evidence == ("why", "by weights")


@pytest.mark.parametrize(("low", "verdict"), [(60, "ends"), (84, "ends"), (85, "unknown")])
def test_an_end_of_the_behavior_counts_where_the_weights_allow_it(low, verdict):
    found = trained_by_both(table("unknown"), behavior("ends", 64), weights("unknown", None, low, 90))
    assert (found.verdict, found.end) == (verdict, 64 if verdict == "ends" else None)
    assert "64" in found.sentence
