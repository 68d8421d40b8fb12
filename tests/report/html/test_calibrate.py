"""A calibration in a notebook."""

from posembed.report.html.calibrate import show_calibration
from tests.fixtures.calibrations import recorded


def test_a_notebook_shows_sentences_and_losses():
    shown = recorded()._repr_html_()
    assert shown == show_calibration(recorded())
    assert "unchanged, bit for bit" in shown
    assert "Calibrating wpe.weight" in shown
    assert "1.500" in shown


def test_names_are_escaped():
    assert "<script>" not in recorded(table="<script>")._repr_html_()
