import dataclasses
import json

import pytest

from posembed.errors import InvalidArgumentError
from posembed.records.unit import ComparisonSetup, UnitConfig

ORDER = (
    *("model", "data", "data_sha256", "tokenizer", "train_length", "d_model", "layers", "heads", "batch_size", "steps"),
    *("learning_rate", "warmup_steps", "weight_decay", "gradient_clip", "sinusoid_rms", "precision", "threads"),
    *("device", "compile", "windows_per_document", "evaluation_documents", "evaluations"),
)


def test_what_is_written_of_a_unit():
    plain = UnitConfig(encoding="none", seed=4).to_dict()
    assert tuple(plain) == ("encoding", "seed", *ORDER)  # the order of 0.1's configuration.json
    assert (plain["encoding"], plain["seed"]) == ("none", 4)
    assert plain == UnitConfig("none", 4).to_json()


def test_a_setup_is_what_its_units_share():
    units = [UnitConfig(encoding, seed, steps=9) for seed in (3, 2) for encoding in ("rope", "learned")]
    setup = ComparisonSetup.of(units)
    assert (setup.encodings, setup.seeds, setup.steps) == (("rope", "learned"), (2, 3), 9)
    assert tuple(setup.to_dict()) == (*ORDER, "encodings", "seeds")
    assert ComparisonSetup.from_dict(json.loads(json.dumps(setup.to_dict()))) == setup


@pytest.mark.parametrize("record", [UnitConfig(), ComparisonSetup(encodings=("rope",), seeds=(0,))])
def test_no_name_may_be_missing(record):
    for name in record.to_dict():
        less = record.to_dict()
        del less[name]
        with pytest.raises(InvalidArgumentError, match=f"other names than this version's: {name}$"):
            type(record).from_dict(less)


def test_a_decoder_is_causal():
    assert UnitConfig(model="decoder").causal
    assert not dataclasses.replace(UnitConfig(), model="encoder").causal
