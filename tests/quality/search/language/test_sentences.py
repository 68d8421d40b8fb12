"""Why a candidate is selected, what it does to short inputs, and why none is."""

import pytest

from posembed.quality.search.language.sentences import FEW_ROWS, kept_sentence, reasons, refusal


def test_the_result_the_next_best_and_short_inputs(candidate):
    best = candidate({96: 0.2, 192: 0.5}, "stretch", kept=0, range=48, ratio=2)
    other = candidate({96: 0.3, 192: 0.5}, "tile", kept=32, range=32)
    first, second, third = reasons(best, [best, other], {96: 0.4, 192: 0.75}, 96, None)
    assert first == (
        "stretch over the first 48 of 96 rows, ratio 2: on 100 validation documents its loss (nats per token) is 0.200 "
        "at 96, 0.500 at 192 tokens; a sliding window of 96 tokens gives 0.400 at 96, 0.750 at 192."
    )
    assert second == "Next best: tile (range 32) 0.300 at 96, 0.500 at 192."
    assert third.startswith("Every input reads other rows than before. Use `length_aware`")
    assert reasons(best, [best], {96: 0.6}, 96, None)[1] == "No other candidate was measured on all documents."


def test_a_method_without_a_range(candidate):
    best = candidate({96: 0.8}, "mirror", kept=96, fade=0.5)
    assert reasons(best, [best], {96: 0.6}, 96, None)[0].startswith("mirror, fade 0.5: on 100 validation documents")


@pytest.mark.parametrize(
    ("kept", "short", "sentence"),
    [
        (128, None, "Inputs of up to 128 tokens keep their rows bit for bit."),
        (FEW_ROWS + 1, None, "Inputs of up to 17 tokens keep their rows bit for bit."),
        (FEW_ROWS, None, "Inputs of more than 16 tokens read other rows than before."),
        (2, None, "Inputs of more than 2 tokens read other rows than before."),
        (1, None, "Every input reads other rows than before."),
        (128, 128, "Inputs of up to 128 tokens read the old table, bit for bit, where length-aware tables are loaded"),
    ],
)
def test_what_short_inputs_read(candidate, kept, short, sentence):
    assert kept_sentence(candidate({512: 1.0}, kept=kept), short).startswith(sentence)


def test_why_none_is_selected(candidate):
    best, baseline = candidate({96: 0.4, 192: 0.5}), {96: 0.3, 192: 0.8}
    gain = {"mean": 0.3, "low": 0.1, "high": 0.5}
    first, last = refusal(best, baseline, gain, 96, length_aware=False)
    assert first == (
        "no longer table matches, at every length, a sliding window of 96 tokens: on 100 validation documents the "
        "window's loss is 0.300 at 96, 0.800 at 192 tokens, that of the best candidate tile (range 9) 0.400 at 96, "
        "0.500 at 192; beyond 96 tokens it gains +0.300 (+0.100 to +0.500) nats per token. With `length_aware`, short "
        "inputs read the old table."
    )
    assert last.endswith("to extend all the same: method='tile', range=9.")
    assert "length_aware" not in refusal(best, baseline, gain, 96, length_aware=True)[0]
    worse = refusal(best, baseline, gain | {"mean": -0.3, "low": -0.5}, 96, length_aware=False)[0]
    assert worse.startswith(
        "no longer table is shown to be better than a sliding window of 96 tokens, which needs none"
    )
    assert "gains −0.300 (−0.500 to +0.500)" in worse
    assert "length_aware" not in worse
