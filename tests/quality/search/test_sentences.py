"""Why a candidate is selected, what it does to short inputs, and why none is."""

import numpy as np
import pytest

from posembed.quality.search.candidates import Candidate
from posembed.quality.search.measure import LOSS
from posembed.quality.search.sentences import FEW_ROWS, kept_sentence, reasons, refusal


def test_the_result_the_next_best_and_short_inputs(candidate):
    best = candidate({96: 0.8, 192: 0.5}, "stretch", kept=0, range=48, ratio=2)
    other = candidate({96: 0.7, 192: 0.5}, "tile", kept=32, range=32)
    first, second, third = reasons(best, [best, other], {96: 0.6, 192: 0.25}, 96, None)
    assert first == (
        "stretch over the first 48 of 96 rows, ratio 2: on 100 validation documents its passkey retrieval is 0.800 at "
        "96, 0.500 at 192 tokens; cutting documents to 96 tokens gives 0.600 at 96, 0.250 at 192."
    )
    assert second == "Next best: tile (range 32) 0.700 at 96, 0.500 at 192."
    assert third.startswith("Every input reads other rows than before")
    assert reasons(best, [best], {96: 0.6}, 96, None)[1] == "No other candidate was measured on all documents."


def test_a_method_without_a_range(candidate):
    best = candidate({96: 0.8}, "mirror", kept=96, fade=0.5)
    assert reasons(best, [best], {96: 0.6}, 96, None)[0].startswith("mirror, fade 0.5: on 100 validation documents")


@pytest.mark.parametrize(
    ("kept", "short", "sentence"),
    [
        (128, None, "Inputs of up to 128 tokens keep their rows bit for bit."),
        (FEW_ROWS + 1, None, "Inputs of up to 17 tokens keep their rows bit for bit."),
        (FEW_ROWS, None, "Inputs of more than 16 tokens read other rows than before (vectors"),
        (2, None, "Inputs of more than 2 tokens read other rows than before (vectors"),
        (1, None, "Every input reads other rows than before (vectors"),
        (128, 128, "Inputs of up to 128 tokens read the old table, bit for bit, where length-aware tables are loaded"),
    ],
)
def test_what_short_inputs_read(candidate, kept, short, sentence):
    assert kept_sentence(candidate({512: 1.0}, kept=kept), short).startswith(sentence)


def test_losses_have_no_vectors():
    best = Candidate("stretch", {}, 0, LOSS, {64: np.ones(2)})
    assert kept_sentence(best, None).startswith("Every input reads other rows than before. Use `length_aware`")


def test_why_none_is_selected(candidate):
    best, baseline = candidate({96: 0.6, 192: 0.5}), {96: 0.7, 192: 0.2}
    words = refusal(best, baseline, 96, length_aware=False)
    assert words.startswith(
        "no extension method matches, at every length, cutting documents to 96 tokens on 100 validation documents "
        "(tile (range 9) 0.600 at 96, 0.500 at 192; accuracy of the old table: 0.700 at 96, 0.200 at 192)."
    )
    assert "With `length_aware`, short inputs read the old table." in words
    assert words.endswith("Try posembed calibrate, or force one with `method`.")
    assert "length_aware" not in refusal(best, baseline, 96, length_aware=True)
    worse = refusal(best, {96: 0.9, 192: 0.9}, 96, length_aware=False)
    assert "no extension method is better than cutting documents to 96 tokens" in worse
    assert "length_aware" not in worse
    equal = refusal(best, dict(best.values), 96, length_aware=False)
    assert "is better than" in equal
