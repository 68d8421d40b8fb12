"""The check after a rewrite notices each thing that a plan promises and a file does not keep."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from posembed import plan_extension
from posembed.checkpoint.formats.safetensors.edit import read_header, write_rewritten
from posembed.errors import CheckpointError
from posembed.extension import verify
from posembed.extension.verify import verify_file
from posembed.extension.write import new_values

POSITION = "embeddings.position_embeddings.weight"


@pytest.fixture
def done(bert, tmp_path):
    """A source, its extended file, the values and the plan."""
    plan = plan_extension(bert, 32, method="hierarchical")
    values = new_values(plan)
    old = read_header(bert / "model.safetensors")
    write_rewritten(old, tmp_path / "new.safetensors", values)
    return old, tmp_path / "new.safetensors", values, plan.tables


def spoil(file, change):
    arrays = {key: values.copy() for key, values in load_file(file).items()}
    change(arrays)
    save_file(arrays, file, metadata={"format": "pt"})


@pytest.mark.parametrize("full", [True, False])
def test_a_good_file(done, full):
    old, file, values, tables = done
    verify_file(old, read_header(file), values, tables, full=full)


def test_a_table_that_is_not_what_was_written(done):
    old, file, values, tables = done
    spoil(file, lambda arrays: arrays[POSITION].__setitem__((31, 0), 7))
    with pytest.raises(CheckpointError, match=f"{POSITION} does not read back as it was written: check the disk"):
        verify_file(old, read_header(file), values, tables, full=False)


def test_a_row_that_was_promised_exact(done):
    old, file, _values, tables = done
    spoil(file, lambda arrays: arrays[POSITION].__setitem__((3, 0), 7))
    wrong = {POSITION: load_file(file)[POSITION]}
    with pytest.raises(CheckpointError, match=f"rows of {POSITION} that must stay unchanged have changed"):
        verify_file(old, read_header(file), wrong, tables, full=False)


def test_values_that_are_not_finite(done):
    old, file, _values, tables = done
    spoil(file, lambda arrays: arrays[POSITION].__setitem__((20, 0), np.nan))
    wrong = {POSITION: load_file(file)[POSITION]}
    with pytest.raises(CheckpointError, match="not finite"):
        verify_file(old, read_header(file), wrong, tables, full=False)


def test_another_tensor_that_changed(done):
    old, file, values, tables = done
    spoil(file, lambda arrays: arrays["embeddings.LayerNorm.weight"].__setitem__(0, 7))
    with pytest.raises(CheckpointError, match="LayerNorm"):
        verify_file(old, read_header(file), values, tables, full=False)


def test_a_tensor_that_is_gone(done):
    old, file, values, tables = done
    spoil(file, lambda arrays: arrays.pop("embeddings.LayerNorm.weight"))
    with pytest.raises(CheckpointError, match="LayerNorm"):
        verify_file(old, read_header(file), values, tables, full=False)


@pytest.mark.parametrize("shape", [(), (3,), (1, 700, 600), (600, 700)])
def test_values_are_compared_and_tested_part_by_part(shape):
    """The last number of all is in the last part, whatever the shape."""
    values = np.ones(shape, np.float32)
    other = values.copy()
    assert verify._same_bytes(values, other)
    assert verify._all_finite(values)
    other.reshape(-1)[-1] = -np.inf
    assert not verify._same_bytes(values, other)
    assert not verify._all_finite(other)
    assert not verify._same_bytes(values, values.astype(np.float64))
