"""A calibration in the terminal: every loss, what was kept, what it cost."""

import pytest
from rich.console import Console

from posembed.report.terminal.calibrate import calibration_rows, calibration_sentences, print_calibration
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
