"""The outcome of a check, in words and as a record."""

import pytest

from posembed.records.check import Checked


@pytest.mark.parametrize(
    ("checked", "failed", "sentence"),
    [
        (Checked("loads", "A of b 1"), False, "the copy loads (A of b 1)"),
        (
            Checked("loads and runs", "A of b 1", "at 8 tokens"),
            False,
            "the copy loads and runs (A of b 1): at 8 tokens",
        ),
        (Checked("does not load", "A of b 1", "no"), True, "the copy does not load (A of b 1): no"),
        (Checked("does not run", reason="no"), True, "the copy does not run: no"),
        (Checked("not checked", reason="no"), False, "not checked whether the copy loads: no"),
    ],
)
def test_sentences(checked, failed, sentence):
    assert (checked.failed, checked.sentence) == (failed, sentence)
    assert Checked.from_dict(checked.to_dict()) == checked
