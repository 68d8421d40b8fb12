"""A calibration as a notebook shows it."""

from __future__ import annotations

from posembed.records.calibration import Calibration
from posembed.report.html.notebook import render
from posembed.report.html.words import paragraphs, word_table
from posembed.report.terminal.calibrate import COLUMNS, calibration_rows, calibration_sentences, calibration_title


@render.register
def show_calibration(record: Calibration) -> str:
    """Return the sentences of a calibration, and its losses as a table."""
    table = word_table(calibration_title(record), COLUMNS, calibration_rows(record))
    return paragraphs(calibration_sentences(record)) + table
