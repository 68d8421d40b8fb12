import json

import pytest

from posembed.lab.train import run_unit
from posembed.lab.unit_result import UnitBeyond, UnitMessage, UnitResult
from posembed.storage import read_sealed_json


@pytest.mark.parametrize("encoding", ["learned", "none"])
def test_a_result_survives_its_file(config, tmp_path, encoding):
    result = run_unit(config(encoding=encoding), tmp_path)
    written = read_sealed_json(tmp_path / "result.json")
    assert UnitResult.from_dict(written) == result
    assert list(written) == [  # the order of 0.1
        *("configuration", "environment", "status", "message", "curve", "speed", "cost", "parameters"),
        *("in_range", "beyond", "flexibility"),
        *(["table_sha256"] if encoding == "learned" else []),
    ]
    assert result.finished


def test_only_what_was_measured_is_written():
    assert UnitBeyond(2.0, 8, "direct", "no row").to_dict() == {
        "factor": 2.0,
        "length": 8,
        "method": "direct",
        "message": "no row",
    }
    whole = UnitBeyond(1.0, 4, "direct", None, (1.0, None), (1.0,))
    assert "message" not in whole.to_dict()
    assert UnitBeyond.from_dict(whole.to_dict()) == whole


def test_messages_are_short():
    message = UnitMessage("training", 10, 2.5, 100.0)
    assert message.to_dict() == {"phase": "training", "step": 10, "loss": 2.5, "tokens_per_second": 100.0}
    assert UnitMessage.from_dict(json.loads(json.dumps(message.to_dict()))) == message
