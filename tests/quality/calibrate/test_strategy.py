"""What all kinds of model share: defaults where the caller says nothing, and the number of validation inputs."""

import dataclasses

import pytest

from posembed.errors import InvalidArgumentError
from posembed.quality.calibrate.strategies import STRATEGIES, strategy_for
from posembed.records.calibrate import CalibrateOptions
from posembed.records.calibration import CalibrationStart
from tests.fixtures.calibrations import request_of

START = CalibrationStart("tile", {"range": 32}, 32, 32, ("because",))
DEFAULTS = {"embedding": (250, 16, 3.5e-3, 0.0), "causal": (400, 8, 1e-3, 1e-2), "masked": (400, 8, 1e-3, 1e-2)}


@pytest.mark.parametrize("kind", [each.kind for each in STRATEGIES], ids=lambda kind: kind.name)
def test_defaults_of_a_kind(kind):
    config = strategy_for(kind).configuration(request_of(length=128), START)
    assert (config.steps, config.batch, config.shift_rate, config.row_rate) == DEFAULTS[kind.name]
    assert (config.kind, config.data, config.precision) == (kind.name, "texts", "fp32")
    assert (config.length, config.period, config.every, config.patience, config.seed) == (128, 32, 50, 3, 0)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.kind.name)
def test_what_the_caller_says_counts(strategy):
    options = {"steps": 7, "batch": 3, "shift_rate": 0.5, "row_rate": 0.25, "every": 2, "patience": 9, "seed": 4}
    config = strategy.configuration(request_of(length=128, **options), START)
    assert {name: getattr(config, name) for name in options} == options
    zero = strategy.configuration(request_of(length=128, shift_rate=0.0, row_rate=0.5), START)
    assert (zero.shift_rate, zero.row_rate) == (0.0, 0.5)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.kind.name)
def test_the_help_names_the_defaults_of_each_kind(strategy):
    """An option's documentation tells the defaults that depend on the kind: they stand in the strategies."""
    import ast
    import inspect

    from posembed.records import calibrate

    tree = ast.parse(inspect.getsource(calibrate))
    record = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "CalibrateOptions")
    texts = {
        field.target.id: text.value.value
        for field, text in zip(record.body, record.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    assert set(texts) == {field.name for field in dataclasses.fields(CalibrateOptions)}
    word = "embedding" if strategy.kind.name == "embedding" else "language"
    for name in ("steps", "batch", "shift_rate", "row_rate"):
        assert f"{getattr(strategy.defaults, name):g} for {word}" in texts[name], name


@pytest.mark.parametrize(
    ("kind", "length", "document", "held_out"),
    [
        ("embedding", 4096, 1024, 128), ("embedding", 4096, 2048, 64), ("embedding", 8192, 8192, 16),
        ("embedding", 128, 128, 128), ("embedding", 65536, 65536, 4),
        ("causal", 512, 512, 64), ("causal", 1024, 512, 32), ("masked", 4096, 4096, 8), ("masked", 32768, 64, 4),
    ],
)  # fmt: skip
def test_validation_inputs_are_fewer_where_they_are_long(kind, length, document, held_out):
    """Of an embedding model they are documents, of a language model inputs of the whole length."""
    strategy = next(each for each in STRATEGIES if each.kind.name == kind)
    assert strategy.configuration(request_of(length=length, document=document), START).held_out == held_out


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.kind.name)
def test_settings_that_cannot_work_are_refused_early(strategy):
    for options, sentence in (
        ({"length": 128, "keep": 32, "document": 200}, "document=200 must be at most the length, 128"),
        ({"length": 128, "keep": 32, "shift_rate": 0.0, "row_rate": 0.0}, "both 0"),
    ):
        with pytest.raises(InvalidArgumentError, match=sentence):
            strategy.check(request_of(**options), resumed=False)
    strategy.check(request_of(length=128, keep=32), resumed=False)
    strategy.check(request_of(length=128), resumed=False)
