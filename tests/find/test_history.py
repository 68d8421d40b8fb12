"""The record in a checkpoint is read, or what is wrong with it is said."""

import hashlib
import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed.checkpoint.source import open_checkpoint
from posembed.errors import CheckpointError
from posembed.find.history import has_tables, read_history, table_sha256

TABLE = {
    "key": "wpe", "method": "tile", "options": {}, "shape": {"before": [2, 1], "after": [4, 1]},
    "usable_length": {"before": 2, "after": 4}, "grid": None, "sha256": {"before": "a", "after": "b"},
}  # fmt: skip
STEP = {"posembed": "0.3.0", "source": "old", "tables": [TABLE], "length_aware": False}
RECORD = {"schema": "posembed.history", "schema_version": 1, "steps": [STEP]}


@pytest.fixture
def checkpoint(tmp_path):
    save_file({"wpe": np.arange(4, dtype=np.float32)[:, None]}, tmp_path / "model.safetensors")
    return tmp_path


def test_a_record_is_read(checkpoint):
    assert read_history(open_checkpoint(checkpoint)) is None
    (checkpoint / "posembed.json").write_text(json.dumps(RECORD))
    history = read_history(open_checkpoint(checkpoint))
    assert history is not None
    assert history.to_dict() == RECORD
    assert read_history(open_checkpoint(checkpoint / "model.safetensors")) is None


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        json.dumps(RECORD | {"schema_version": 2}),
        json.dumps(RECORD | {"steps": 3}),
        json.dumps(RECORD | {"steps": [3]}),
        json.dumps(RECORD | {"steps": [STEP | {"tables": [TABLE | {"shape": None}]}]}),
        json.dumps(RECORD | {"steps": [STEP | {"tables": [TABLE | {"usable_length": {"before": "x", "after": 4}}]}]}),
        json.dumps(RECORD | {"steps": [STEP | {"tables": [TABLE | {"sha256": "a"}]}]}),
        json.dumps(RECORD | {"steps": [{"source": "old"}]}),
    ],
)
def test_what_is_no_record_is_named(checkpoint, content):
    (checkpoint / "posembed.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"posembed\.json: (is not a record of this|is not valid JSON|must hold)"):
        read_history(open_checkpoint(checkpoint))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_a_hash_is_of_the_stored_bytes(dtype):
    values = np.arange(6).astype(dtype).reshape(3, 2)
    assert table_sha256(values) == hashlib.sha256(values.tobytes()).hexdigest()
    assert table_sha256(values.T) == hashlib.sha256(values.T.tobytes()).hexdigest()


def test_tables_are_recognized_by_their_rows(checkpoint):
    opened = open_checkpoint(checkpoint)
    own = table_sha256(np.arange(4, dtype=np.float32))
    assert has_tables(opened, {"wpe": own})
    assert not has_tables(opened, {})
    assert not has_tables(opened, {"wpe": own, "other": own})
    assert not has_tables(opened, {"wpe": table_sha256(np.arange(1, 5, dtype=np.float32))})
