"""The calibrated checkpoint: kept rows as they are stored, trained ones beside them, the record in it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.write import write_checkpoint
from posembed.records.calibrate import CalibrateOptions
from tests.fixtures.calibrations import recorded, request_of

KEY = "roberta.embeddings.position_embeddings.weight"


def trained(stored, frozen=1, shift=1.0):
    """Rows repeated to 128 positions behind a reserved one, all but the first moved."""
    rows = torch.cat((stored, stored[1:]))
    table = CalibratedTable(rows, frozen=frozen, period=128, restored=33)
    with torch.no_grad():
        table.shift.fill_(shift)
    return table


@pytest.fixture
def request_and_table(masked):
    request = Request.open(masked, CalibrateOptions(data="stdlib", length=128, precision="fp32"))
    return request, trained(torch.from_numpy(load_file(masked / "model.safetensors")[KEY]))


def test_kept_rows_are_the_checkpoint_s(masked, request_and_table, tmp_path):
    request, table = request_and_table
    record = recorded(keep=32)
    write_checkpoint(request, tmp_path / "out", table, record)
    before, after = (load_file(folder / "model.safetensors")[KEY] for folder in (masked, tmp_path / "out"))
    assert after.shape == (129, 32)
    assert after[:33].tobytes() == before[:33].tobytes()
    np.testing.assert_array_equal(after[33:], table().detach().numpy()[33:])
    assert json.loads((tmp_path / "out" / "calibration.json").read_text()) == record.to_dict()
    assert not (tmp_path / "out" / "length_aware.safetensors").exists()


@pytest.mark.parametrize("keep", [0, 70])
def test_no_row_need_be_kept_and_no_more_than_there_are(masked, request_and_table, tmp_path, keep):
    request, table = request_and_table
    write_checkpoint(request, tmp_path / "out", table, recorded(keep=keep))
    before, after = (load_file(folder / "model.safetensors")[KEY] for folder in (masked, tmp_path / "out"))
    kept = 1 + min(keep, 64)
    assert after[:kept].tobytes() == before[:kept].tobytes()
    assert (after[kept:] != torch.cat((table.start[kept:],)).numpy()).all()


def test_longer_inputs_read_a_table_of_their_own(masked, request_and_table, tmp_path):
    request, table = request_and_table
    write_checkpoint(request, tmp_path / "out", table, recorded(keep=32, length_aware=True, short=48))
    before = load_file(masked / "model.safetensors")[KEY]
    tables = load_file(tmp_path / "out" / "length_aware.safetensors")
    assert tables["48"].tobytes() == before[:49].tobytes()
    np.testing.assert_array_equal(tables["128"], table().detach().numpy())
    assert (tables["128"][1:33] != before[1:33]).all()  # not put back here


def test_an_existing_target_is_replaced_on_demand(masked, request_and_table, tmp_path):
    request, table = request_and_table
    (tmp_path / "out").mkdir()
    with pytest.raises(InvalidArgumentError, match="exists already"):
        write_checkpoint(request, tmp_path / "out", table, recorded())
    forced = Request.open(masked, CalibrateOptions(data="stdlib", length=128, force=True))
    write_checkpoint(forced, tmp_path / "out", table, recorded())
    assert (tmp_path / "out" / "calibration.json").is_file()


def test_rows_that_the_stored_type_does_not_hold(tmp_path):
    request = request_of(length=128)
    half = SimpleNamespace(root="a", read=lambda _: np.zeros((64, 2), np.float16))
    request = Request(request.path, half, request.table, request.options, "fp32")
    table = CalibratedTable(torch.full((128, 2), 1e6), frozen=0, period=128)
    with pytest.raises(WorkFailedError, match="the new rows overflow float16"):
        write_checkpoint(request, tmp_path / "out", table, recorded())
