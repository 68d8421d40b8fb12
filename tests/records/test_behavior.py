"""What a model does when its positions move, as a record."""

import pytest

from posembed.records.behavior import Behavior, EffectiveRange, Placement, TableBehavior, TrainedByBoth
from posembed.records.interval import Interval

SURE = Interval(0.9, 0.8, 1.0, 24, 1)


@pytest.mark.parametrize(
    ("name", "amount", "words"),
    [
        ("unmoved", None, "as they are"),
        ("start", 64, "all start at 64"),
        ("start, first kept", 64, "first token stays, the others move by 64"),
        ("spread", 2, "spread ×2"),
        ("crowded", 2, "2 × 2 patches share a position"),
        ("rolled", 3, "rolled by 3 rows and columns"),
        ("row 0", None, "all on the row of position 0"),
    ],
)
def test_words(name, amount, words):
    assert Placement(name, amount, SURE).words == words


def test_measures_that_were_not_taken_are_not_written():
    placement = Placement("start", 1, SURE, loss=Interval(2.0, 1.0, 3.0, 24, 1))
    assert sorted(placement.to_dict()) == ["amount", "cosine", "loss", "name"]
    assert placement.of("loss").mean == 2.0


def test_a_record_is_read_back():
    found = EffectiveRange("ends", 160, 152, 176, ("why",), 16, (16, 24), (SURE, SURE))
    both = TrainedByBoth("whole", None, None, None, "why")
    table = TableBehavior("wpe", "cosine", 24, 64, "texts", (Placement("unmoved", None, SURE),), found, both, ("note",))
    behavior = Behavior("Model", (table,), ("no reason",))
    assert Behavior.from_dict(behavior.to_dict()) == behavior


def test_sentences():
    assert "no end was found" in EffectiveRange("no end", None, None, None, ("why",), 16).sentence
    assert EffectiveRange("unknown", None, None, None, ("few",), 16).sentence == "unknown: few"
