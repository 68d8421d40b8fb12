"""A calibration in the terminal: every loss, what was kept, what it cost."""

import pytest
from rich.console import Console

from posembed.records.calibration import ComparedWith, HeldOutTask
from posembed.records.interval import DocumentInterval
from posembed.report.terminal.calibrate import (
    calibration_rows,
    calibration_sentences,
    print_calibration,
    worth_sentences,
)
from tests.fixtures.calibrations import configured, recorded


def test_every_evaluation_has_a_row():
    assert calibration_rows(recorded()) == [("0", "–", "2.000"), ("5", "1.500", "1.000")]


def test_the_sentences():
    assert calibration_sentences(recorded()) == [
        "Start: because",
        "Validation loss: 2.0000 at the start, 1.0000 at step 5, whose rows were written.",
        "The rows of the first 32 positions are unchanged, bit for bit.",
        "7 steps, 12,345 tokens, 61 s, peak memory 1.5 GiB.",
    ]


@pytest.mark.parametrize(
    ("keep", "words"), [(0, "every row was trained"), (8, "all but the first 8 rows were trained")]
)
def test_length_aware_tables_have_a_sentence_of_their_own(keep, words):
    record = recorded(length_aware=True, short=64, configuration=configured(keep=keep))
    assert (
        f"With load_length_aware, inputs of up to 64 tokens read the old rows, longer ones a table of which {words}."
        in calibration_sentences(record)
    )


def test_where_nothing_is_kept_any_row_may_have_changed():
    assert "Any row may have changed." in calibration_sentences(recorded(keep=0))


def test_table_and_sentences_are_printed():
    console = Console(width=80, record=True)
    print_calibration(recorded(), console)
    text = console.export_text()
    assert "Calibrating wpe.weight" in text
    assert "validation loss" in text
    assert all(sentence in text for sentence in calibration_sentences(recorded()))


def compared(system, accuracy, low, high, *, one_vector=True):
    difference = DocumentInterval((low + high) / 2, low, high)
    return ComparedWith(system, accuracy, difference, one_vector)


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        (
            (compared("cut", 0.3, 0.1, 0.3), compared("BM25", 0.9, -0.5, -0.3, one_vector=False)),
            "For such queries the calibrated table is better than every other way with one vector per document.",
        ),
        (
            (compared("cut", 0.6, -0.2, -0.01), compared("chunks", 0.7, -0.3, -0.1)),
            "For such queries do not use the calibrated table: documents by “chunks” are found more often.",
        ),
        (
            (compared("cut", 0.4, 0.01, 0.2), compared("chunks", 0.55, -0.1, 0.1)),
            "For such queries it is not shown to be better than “chunks”, which needs no longer table.",
        ),
    ],
)
def test_a_task_ends_with_what_to_do(others, verdict):
    measured, found = worth_sentences((HeldOutTask("section", (1024, 2048), 41, 0.5, others),))
    assert found == verdict
    assert measured.startswith(
        "By its section, share of 41 held-out documents of 1,024 and 2,048 tokens that are found first: calibrated "
        "0.50; cut 0."
    )


def test_differences_have_their_intervals():
    (measured, _) = worth_sentences((HeldOutTask("title", (700,), 9, 0.5, (compared("cut", 0.6, -0.3, 0.1),)),))
    assert measured.endswith("calibrated 0.50; cut 0.60 (difference −0.10, −0.30 to +0.10).")


def test_it_is_said_where_nothing_was_measured():
    assert list(worth_sentences(None)) == []
    (said,) = worth_sentences(())
    assert said.startswith("The validation texts have too few long documents with titles or sections")
    assert said in calibration_sentences(recorded(tasks=()))
