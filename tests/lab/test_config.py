import dataclasses
import json

import pytest

from posembed.errors import InvalidArgumentError
from posembed.lab.config import FACTORS, UnitConfig
from posembed.storage import differences


def test_the_lengths_that_arms_are_evaluated_at():
    assert FACTORS == (1.25, 1.5, 2.0)
    assert UnitConfig.__module__ == "posembed.records.unit"  # documented by its name in posembed.lab.config


def test_a_configuration_survives_a_json_file():
    config = UnitConfig(encoding="rope", seed=3, learning_rate=1e-4, compile=True, tokenizer="/a/b.json")
    assert UnitConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert config.name == "rope-seed3"
    assert len({config, dataclasses.replace(config, seed=4), dataclasses.replace(config)}) == 2


def test_another_versions_configuration_is_refused():
    values = UnitConfig().to_json()
    with pytest.raises(InvalidArgumentError, match=r"other names than this version's: warp$"):
        UnitConfig.from_json(values | {"warp": 9})
    del values["steps"]
    with pytest.raises(InvalidArgumentError, match=r"this version's: steps$"):
        UnitConfig.from_json(values)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoding": "learnt"}, "encoding='learnt' must be one of learned, sinusoidal, rope"),
        ({"model": "gpt"}, "model='gpt' must be one of decoder, encoder"),
        ({"precision": "fp16"}, "precision='fp16' must be one of fp32, bf16"),
        ({"train_length": 3}, "train_length=3 must be at least 4"),
        ({"d_model": 0}, "d_model=0 must be at least 2"),
        ({"layers": 0}, "layers=0 must be at least 1"),
        ({"heads": 0}, "heads=0 must be at least 1"),
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"steps": 0}, "steps=0 must be at least 1"),
        ({"warmup_steps": -1}, "warmup_steps=-1 must be at least 0"),
        ({"threads": 0}, "threads=0 must be at least 1"),
        ({"windows_per_document": 0}, "windows_per_document=0 must be at least 1"),
        ({"evaluation_documents": 1}, "evaluation_documents=1 must be at least 2"),
        ({"evaluations": -1}, "evaluations=-1 must be at least 0"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0 must be above 0 and finite"),
        ({"learning_rate": float("nan")}, "learning_rate=nan must be a number"),
        ({"learning_rate": float("inf")}, "learning_rate=inf must be above 0 and finite"),
        ({"gradient_clip": -1.0}, "gradient_clip=-1.0 must be above 0"),
        ({"sinusoid_rms": 0.0}, "sinusoid_rms=0.0 must be above 0"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1 must be at least 0"),
        ({"weight_decay": float("nan")}, "weight_decay=nan must be a number"),
        ({"d_model": 20, "heads": 4}, "each head needs an even width, so d_model must be a multiple of 8"),
    ],
)
def test_what_cannot_be(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        UnitConfig(**settings)


def test_smallest_values_are_allowed():
    UnitConfig(train_length=4, d_model=2, heads=1, layers=1, steps=1, warmup_steps=0, evaluations=0, weight_decay=0.0)


def test_differences_name_every_entry():
    old, new = UnitConfig(steps=400).to_json(), UnitConfig(steps=7, seed=2).to_json()
    assert differences(old, old) == ""
    assert differences(old, new) == "seed: 0 there, 2 here, steps: 400 there, 7 here"
    del old["steps"]
    assert differences(old, new) == "seed: 0 there, 2 here, steps: 'absent' there, 7 here"
