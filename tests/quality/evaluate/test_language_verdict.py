"""What to use is said first; it needs a gain that was shown."""

import pytest

from posembed.quality.evaluate.language_verdict import language_verdict
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED
from posembed.records.evaluation import (
    ChoiceCell,
    ChoiceDifference,
    DocumentInterval,
    LanguageResults,
    LossDifference,
)


def results(loss, loss_p, choice=0.0, choice_p=1.0):
    gain = LossDifference(2048, loss, loss - 0.1, loss + 0.1, loss_p, 50, loss_p)
    compared = [
        ChoiceDifference(2048, "checkpoint", name, choice, choice - 0.1, choice + 0.1, choice_p, 25, choice_p)
        for name in ("sliding window", "truncated")
    ]
    cells = [
        ChoiceCell(2048, name, 25, DocumentInterval(0.5, 0.4, 0.6))
        for name in ("checkpoint", "sliding window", "truncated")
    ]
    return LanguageResults((), (gain,), (), tuple(cells), tuple(compared))


BETTER = "At 2048 tokens: use the longer input; it does better than a sliding window of the original"
WORSE = "At 2048 tokens: use a sliding window of the original; the longer input does worse"
OPEN = "At 2048 tokens: no gain in loss of the longer input was shown; "


@pytest.mark.parametrize(
    ("measured", "sentence"),
    [
        ((0.2, 0.01), BETTER),
        ((0.2, 0.2), OPEN),
        ((-0.2, 0.01), WORSE),
        ((-0.2, 0.2), OPEN),
        ((0.2, 0.01, 0.1, 0.01), BETTER),
        ((0.2, 0.01, -0.1, 0.01), WORSE),
        ((0.2, 0.01, -0.1, 0.2), BETTER),
        ((0.0, 1.0, 0.1, 0.01), OPEN),
    ],
)
def test_what_to_use(measured, sentence):
    causal, masked = (language_verdict(results(*measured), kind)[0] for kind in (CAUSAL, MASKED))
    if sentence == OPEN:
        assert causal == f"{OPEN}a sliding window of the original does as well"
        assert masked == f"{OPEN}windows of the original are the better use until a gain is shown"
    else:
        assert causal == masked == sentence


def test_choices_are_told_with_their_baseline():
    sentences = language_verdict(results(0.2, 0.2, 0.25, 0.03), CAUSAL)
    assert sentences[2] == (
        "Next sentence of 8 at 2048 tokens (25 texts): checkpoint 0.50 (0.40 to 0.60), sliding window 0.50 (0.40 to "
        "0.60); checkpoint − sliding window = +0.25 (+0.15 to +0.35), corrected p 0.03: significant gain"
    )
    assert "checkpoint − truncated" in sentences[3]
    assert len(sentences) == 4


def test_without_longer_inputs_there_is_nothing_to_say():
    nothing = LanguageResults((), (), ())
    assert language_verdict(nothing, CAUSAL) == (
        "No input was longer than the original takes: there is nothing to compare",
    )
    assert language_verdict(nothing, CAUSAL, compared=False) == (
        "No original was given: how the checkpoint differs from it is not measured",
    )
