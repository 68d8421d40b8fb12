"""What is trained: the table in its longer, frozen model, its first rows the checkpoint's, and a fingerprint."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from posembed.quality.calibrate import objective
from posembed.quality.calibrate.language import CausalStrategy, MaskedStrategy
from posembed.quality.calibrate.objective import fingerprint, prepare
from posembed.quality.calibrate.request import Request
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED
from posembed.records.calibrate import CalibrateOptions
from posembed.records.calibration import CalibrationStart
from tests.fixtures.calibrations import configured

SIZES = {"kind": "masked", "length": 128, "keep": 48, "period": 128, "document": 128, "batch": 2, "held_out": 2}
START = CalibrationStart("tile", {"range": 32}, 48, 128, ("because",))


class Watched(MaskedStrategy):
    """Keeps what an objective is made of."""

    def objective(self, parts, config, texts):
        self.parts, self.config, self.texts = parts, config, texts
        return "an objective"


def prepared(masked, start=START, length=128, **settings):
    strategy = Watched(MASKED)
    request = Request.open(masked, CalibrateOptions(data="stdlib", length=length, precision="fp32"))
    config = configured(**SIZES | {"length": length} | settings)
    return prepare(strategy, request, start, config, {"train": ["a"]}), strategy


def test_first_rows_are_the_checkpoint_s(masked):
    """Also where more are kept than the start repeats; a reserved row comes before them."""
    made, strategy = prepared(masked)
    parts, rows = strategy.parts, made.table.start
    assert (parts.reserved, rows.shape) == (1, (129, 32))
    assert torch.equal(rows[:49], parts.stored[:49])
    assert torch.equal(rows[49:97], parts.stored[1:33].repeat(3, 1)[48:96])
    assert (made.table.frozen, made.table.restored) == (49, 49)
    assert made.table.rows.shape == (80, 32)
    assert made.objective == "an objective"
    assert torch.equal(parts.rows, rows)
    assert (strategy.config.length, strategy.texts) == (128, {"train": ["a"]})


def test_kept_rows_may_be_trained_too(masked):
    made, _ = prepared(masked, train_kept_rows=True)
    assert (made.table.frozen, made.table.restored) == (1, 49)


def test_no_more_rows_are_kept_than_there_are(masked):
    made, strategy = prepared(masked, keep=80)
    assert torch.equal(made.table.start[:65], strategy.parts.stored)
    assert (made.table.frozen, made.table.restored) == (81, 81)


def test_a_table_that_is_long_enough_is_as_it_is(masked):
    start = CalibrationStart("as it is", {}, 8, 64, ())
    made, strategy = prepared(masked, start, length=64, keep=8, period=64, document=64)
    assert torch.equal(made.table.start, strategy.parts.stored)


def test_the_model_is_longer_and_frozen(masked):
    _, strategy = prepared(masked)
    model = strategy.parts.loaded.model
    assert strategy.parts.frozen.model is model
    assert model.config.max_position_embeddings == 129
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert strategy.parts.at_once > 1000
    assert not any(getattr(module, "gradient_checkpointing", False) for module in model.modules())


def test_layers_are_computed_again_where_no_input_fits(masked, monkeypatch):
    asked = []
    monkeypatch.setattr(objective, "inputs_at_once", lambda _, length, logits: asked.append((length, logits)) or 0)
    _, strategy = prepared(masked, document=100, spread=True)
    assert asked == [(100, True)]
    assert strategy.parts.at_once == 0
    assert any(getattr(module, "gradient_checkpointing", False) for module in strategy.parts.loaded.model.modules())


class Tokenizer(SimpleNamespace):
    def to_str(self):
        return self.text


def test_a_fingerprint_changes_with_what_gradients_depend_on():
    def of(weight=0.0, text="words", pooling="mean", dtype=torch.float32, name="bias"):
        module = torch.nn.Module()
        module.register_parameter(name, torch.nn.Parameter(torch.full((2, 3), weight, dtype=dtype)))
        return fingerprint(module, Tokenizer(text=text), pooling)

    assert of() == of()
    others = [of(weight=1.0), of(text="others"), of(pooling="cls"), of(dtype=torch.float64), of(name="weight")]
    assert len({of(), *others}) == 6
    assert len(of()) == 64


def test_a_causal_model_is_prepared_as_it_is_trained(causal, texts):
    request = Request.open(causal, CalibrateOptions(data=texts, length=128, precision="fp32"))
    strategy = CausalStrategy(CAUSAL)
    start = strategy.choose_start(request, None)
    config = replace(strategy.configuration(request, start), held_out=4)
    made = prepare(strategy, request, start, config, CAUSAL.read_texts(texts))
    loss = made.objective.validate(made.table.written().detach())
    assert loss == pytest.approx(5.7, abs=0.3)  # about ln 305: the model knows nothing
    assert len(made.model_sha256) == 64
