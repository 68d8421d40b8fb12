"""What terminal and pages say alike."""

from posembed.records.behavior import Behavior, EffectiveRange, Placement, TableBehavior, TrainedByBoth
from posembed.records.interval import Interval
from posembed.report.behavior import behavior_sentences, details, measures_of, placement_rows, title_of

SURE, LOSS = Interval(0.9, 0.8, 1.0, 24, 1), Interval(2.5, 2.0, 3.0, 24, 1)
FOUND = EffectiveRange("ends", 160, 152, 176, ("it loses more",), 16, (16, 24), (LOSS, LOSS))
PLACED = (Placement("unmoved", None, SURE, LOSS), Placement("start", 64, SURE, LOSS))
TRAINED = TrainedByBoth("whole", None, None, None, "the table shows it", ("by its last rows",))
TEXTS = TableBehavior("wpe", "loss", 24, 64, "prose", PLACED, FOUND, TRAINED, ("a note",))


def test_the_main_measure_stands_first():
    assert measures_of(TEXTS) == ("loss", "cosine")
    assert placement_rows(TEXTS)[1] == ("all start at 64", "2.500 [2.000, 3.000]", "0.900 [0.800, 1.000]")
    assert "(24 texts, 64 tokens)" in title_of(TEXTS)


def test_the_range_and_what_was_left_out_are_said():
    said = behavior_sentences(Behavior("Model", (TEXTS,), ("pos: no way",)))
    assert said[0].startswith("wpe: when texts start later, the first 160 positions work alike")
    assert said[1:] == ["wpe: all positions were trained: the table shows it.", "Not run: pos: no way."]
    assert details(TEXTS)[1:] == [
        "Evidence: it loses more.",
        "Trained positions: by its last rows.",
        "Note: a note.",
    ]
