"""Rows that were made elsewhere: written as they are, refused where they do not fit."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.extension.given_rows import plan_rows
from posembed.extension.write import write_extension

KEY = "wpe.weight"
CONFIG = {"model_type": "gpt2", "n_positions": 32, "n_embd": 16}


@pytest.mark.parametrize("rows", [32, 50])
def test_they_are_written_and_nothing_else_changes(write, tmp_path, rows):
    source = write({KEY: (32, 16), "ln_f.weight": (16,)}, config=CONFIG)
    old = load_file(source / "model.safetensors")
    new = np.random.default_rng(1).normal(size=(rows, 16)).astype(np.float32)
    new[:10] = old[KEY][:10]
    plan = plan_rows(source, KEY, new, kept=10, made_by="calibrate")
    assert plan.tables[0].exact == "the rows of the first 10 positions"
    write_extension(replace(plan, extra_files={"record.json": b"{}"}), tmp_path / "out", full=True)
    written = load_file(tmp_path / "out" / "model.safetensors")
    assert written[KEY].tobytes() == new.tobytes()
    assert written["ln_f.weight"].tobytes() == old["ln_f.weight"].tobytes()
    assert (tmp_path / "out" / "record.json").read_bytes() == b"{}"


def test_a_row_that_was_promised_is_checked(write, tmp_path):
    source = write({KEY: (32, 16)}, config=CONFIG)
    new = np.zeros((40, 16), np.float32)
    with pytest.raises(CheckpointError, match="must stay unchanged have changed"):
        write_extension(plan_rows(source, KEY, new, kept=1, made_by="calibrate"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "shape", "dtype", "sentence"),
    [
        ("h.0.weight", (40, 16), np.float32, "is not a plain sequence table"),
        (KEY, (40, 8), np.float32, r"do not fit wpe\.weight: it must be \[40, 16\]"),
        (KEY, (40, 16), np.float64, "float32"),
        (KEY, (20, 16), np.float32, "longer already"),
    ],
)
def test_what_does_not_fit_is_refused(write, key, shape, dtype, sentence):
    source = write({KEY: (32, 16)}, config=CONFIG)
    with pytest.raises(InvalidArgumentError, match=sentence):
        plan_rows(source, key, np.zeros(shape, dtype), kept=0, made_by="calibrate")
