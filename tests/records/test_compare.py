import math
from pathlib import Path

import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.lab.config import UnitConfig
from posembed.records.compare import ENCODINGS, SCALED_SINUSOIDS, CompareOptions


def test_the_encodings():
    assert ENCODINGS == ("learned", "sinusoidal", "rope", "alibi", "none", "learned-from-sinusoid")
    assert set(ENCODINGS) > SCALED_SINUSOIDS == {name for name in ENCODINGS if "sinusoid" in name}


def test_lists_and_text_become_what_the_record_holds():
    options = CompareOptions(encodings=["rope", "none"], out="runs/a")
    assert (options.encodings, options.out) == (("rope", "none"), Path("runs/a"))
    assert options == CompareOptions.from_dict(options.to_dict())
    assert CompareOptions() == CompareOptions.of(None, {})


def test_an_option_that_does_not_exist():
    with pytest.raises(ArgumentTypeError, match=r"^there is no option 'widht'; the options are data, encodings, model"):
        CompareOptions.of(None, {"widht": 3})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encodings": ()}, "`encodings` is empty; choose from learned, sinusoidal"),
        ({"encodings": "rope"}, "encodings='rope' must be a sequence of names out of learned, .*, not one string"),
        ({"encodings": ("learnt",)}, "`encodings`: 'learnt' must be one of learned, sinusoidal"),
        ({"encodings": ("rope", "rope")}, "`encodings` contains 'rope' twice"),
        ({"model": "gpt"}, "model='gpt' must be one of decoder, encoder"),
        ({"precision": "fp16"}, "precision='fp16' must be one of auto, bf16, fp32"),
        ({"seeds": 0}, "seeds=0 must be at least 1"),
        ({"first_seed": -1}, "first_seed=-1 must be at least 0"),
        ({"jobs": 0}, "jobs=0 must be at least 1"),
        ({"warmup_steps": -1}, "warmup_steps=-1 must be at least 0"),
        ({"train_length": 3}, "train_length=3 must be at least 4"),
        ({"evaluation_documents": 1}, "evaluation_documents=1 must be at least 2"),
        ({"learning_rate": math.nan}, "learning_rate=nan must be a number"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1 must be at least 0 and finite"),
        ({"d_model": 20}, "d_model=20 with heads=4: each head needs an even width, so d_model must be a multiple of 8"),
        ({"resume": True}, "`resume` needs `out`, the directory"),
    ],
)
def test_options_that_cannot_be_right(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        CompareOptions(**settings)


def test_a_units_defaults_are_those_of_the_options():
    options, unit = CompareOptions(), UnitConfig()
    shared = set(options.to_dict()) & set(unit.to_dict()) - {"warmup_steps", "precision", "device"}
    assert len(shared) == 18
    assert {name: getattr(options, name) for name in shared} == {name: getattr(unit, name) for name in shared}
    assert unit.warmup_steps == options.steps // 10
