"""How language models are calibrated: where it begins, which inputs, what is predicted."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from posembed.errors import InvalidArgumentError
from posembed.observer import SILENT
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.language import CausalStrategy, MaskedStrategy
from posembed.quality.calibrate.prediction import HiddenTokens, NextToken
from posembed.quality.calibrate.strategy import FrozenParts
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.language import LanguageModel
from posembed.quality.models.masked import MASKED
from posembed.records.calibration import CalibrationStart
from tests.fixtures.calibrations import configured, request_of

BOTH = pytest.mark.parametrize("strategy", [CausalStrategy(CAUSAL), MaskedStrategy(MASKED)], ids=["causal", "masked"])
START = CalibrationStart("stretch", {"keep": 10}, 10, 128, ("because",))


@BOTH
@pytest.mark.parametrize(
    ("options", "method", "chosen", "keep"),
    [
        ({}, "tile", {"range": 64}, 64),
        ({"range": 32}, "tile", {"range": 32}, 32),
        ({"range": 32, "keep": 0}, "tile", {"range": 32}, 0),
        ({"range": 32, "length_aware": True}, "tile", {"range": 32}, 32),
        ({"keep": 64}, "tile", {"range": 64}, 64),
        ({"keep": 80}, "tile", {"range": 64}, 80),
        ({"keep": 63}, "stretch", {"keep": 63}, 63),
        ({"keep": 0}, "stretch", {"keep": 0}, 0),
        ({"length_aware": True}, "stretch", {"keep": 0}, 0),
        ({"length_aware": True, "keep": 64}, "tile", {"range": 64}, 64),
    ],
)
def test_where_it_begins(strategy, options, method, chosen, keep):
    """Rows that are trained begin between their neighbors, unless the caller has a range repeated; each is free."""
    request = request_of(length=128)
    request = replace(request, options=strategy.settle(request_of(length=128, **options).options))
    start = strategy.choose_start(request, SILENT)
    assert (start.method, start.options, start.keep, start.period) == (method, chosen, keep, 128)
    why = {
        "tile": f"the first {chosen.get('range')} rows, repeated",
        "stretch": f"the first {keep} rows as they are, the others stretched to the end"
        if keep
        else "all rows stretched",
    }
    assert start.why == (why[method],)


@BOTH
def test_a_table_as_it_is_has_rows_of_their_own(strategy):
    start = strategy.choose_start(request_of(keep=5), SILENT)
    assert (start.method, start.keep, start.period) == ("as it is", 5, 64)


@BOTH
def test_only_what_is_left_out_is_settled(strategy):
    for options, keep in (
        ({"length_aware": True}, 0),
        ({}, None),
        ({"length_aware": True, "keep": 3}, 3),
        ({"length_aware": True, "range": 32}, None),
    ):
        assert strategy.settle(request_of(length=128, **options).options).keep == keep


@BOTH
@pytest.mark.parametrize(("document", "settled", "spread"), [(None, 128, False), (128, 128, False), (40, 40, True)])
def test_short_inputs_are_spread_over_the_table(strategy, document, settled, spread):
    config = strategy.configuration(request_of(length=128, document=document, facts=0.5), START)
    assert (config.document, config.spread, config.keep, config.length) == (settled, spread, 10, 128)
    assert (config.train_kept_rows, config.queries_trained, config.above, config.facts) == (False, False, 0, 0.0)


@BOTH
def test_length_aware_tables_change_no_configuration(strategy):
    """Inputs of the whole length read the new table anyway."""
    plain, aware = (strategy.configuration(request_of(length=128, length_aware=each), START) for each in (False, True))
    assert plain == aware


@BOTH
def test_every_old_input_is_short(strategy):
    assert strategy.short_inputs(10, 64) == strategy.short_inputs(0, 64) == 64


@BOTH
def test_a_whole_table_cannot_be_kept(strategy):
    with pytest.raises(InvalidArgumentError, match="keep=64 leaves none of 64 positions to train"):
        strategy.configuration(request_of(), replace(START, keep=64))


def test_what_is_predicted():
    causal = CausalStrategy(CAUSAL).target(LanguageModel(CAUSAL, None, None))
    masked = MaskedStrategy(MASKED).target(LanguageModel(MASKED, None, None, mask_id=4))
    assert isinstance(causal, NextToken)
    assert isinstance(masked, HiddenTokens)
    assert masked.mask_id == 4


class Logits(torch.nn.Module):
    """A model of ten words that gives the sum of its table as every logit."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(8, 2))

    def forward(self, input_ids):
        return SimpleNamespace(logits=self.table.sum() + torch.zeros(*input_ids.shape, 10))


NO_START = CalibrationStart("tile", {}, 2, 4, ())


def language_parts(**settings):
    words = LanguageModel(CAUSAL, Logits(), SimpleNamespace(encode=encoded), precision="fp32")
    model = words.model
    return FrozenParts(
        words, FrozenModel(model, "table"), torch.zeros(8, 2), torch.zeros(4, 2), 1, NO_START, 3, **settings
    )


def encoded(text, add_special_tokens):
    assert add_special_tokens is False
    return SimpleNamespace(ids=[int(word) for word in text.split()])


def test_texts_become_an_objective(tmp_path):
    config = configured(kind="causal", length=4, keep=1, period=4, document=4, batch=2, held_out=2)
    texts = {"train": ["1 2 3 4 5"], "validation": ["5 6", "7 8 9"]}
    (tmp_path / "one").write_text("any")
    joined = CausalStrategy(CAUSAL).objective(language_parts(), replace(config, data=str(tmp_path / "one")), texts)
    assert joined.held_out.shape == (2, 4)  # pieces of one file are one text
    assert (joined.reserved, joined.at_once, joined.scored_at_once) == (1, 3, 1)
    assert joined.train[0].tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(Exception, match="no validation document has 4 tokens"):
        CausalStrategy(CAUSAL).objective(language_parts(), config, texts)


def test_the_table_that_is_handed_in_is_read():
    config = configured(kind="causal", length=4, keep=1, period=4, document=4, batch=2, held_out=2)
    texts = {"train": ["1 2 3 4 5"], "validation": ["5 6 7 8 9"]}
    objective = CausalStrategy(CAUSAL).objective(language_parts(), config, texts)
    table = torch.ones(8, 2)
    assert objective.logits(table, torch.zeros(1, 3, dtype=torch.int64)).eq(16).all()
