"""A plan says in which type a quantized table is written."""

import numpy as np
import pytest

from posembed import extend_checkpoint, plan_extension
from posembed.checkpoint.source import open_checkpoint
from tests.fixtures.gguf_files import bert, gguf_bytes

pytest.importorskip("gguf")
KEY = "position_embd.weight"


def saved(folder, kind):
    pairs, tensors = bert(width=256)
    blocks = np.random.default_rng(1).integers(0, 256, (16, {12: 144, 8: 272}[kind]), np.uint8)
    blocks[:, : 4 if kind == 12 else 2] = np.array([0.01] * (2 if kind == 12 else 1), "<f2").view(np.uint8)
    if kind == 8:
        blocks = blocks.reshape(-1, 34)
        blocks[:, :2] = np.array([0.01], "<f2").view(np.uint8)
    (folder / "m.gguf").write_bytes(gguf_bytes(pairs, tensors | {KEY: (kind, (16, 256), blocks.tobytes())}))
    return folder / "m.gguf"


@pytest.mark.parametrize(
    ("kind", "method", "sentence", "dtype"),
    [
        (12, "tile", "stays Q4_K: every new row repeats an old one", "Q4_K"),
        (12, "linear", "is written as F16: the package gguf reads Q4_K", "F16"),
        (8, "tile", "stays Q8_0: every new row repeats", "Q8_0"),
        (8, "linear", "stays Q8_0: new rows are quantized again, with an error of at most 0", "Q8_0"),
    ],
)
def test_the_note_is_true(tmp_path, kind, method, sentence, dtype):
    file = saved(tmp_path, kind)
    plan = plan_extension(file, 32, method=method)
    assert any(sentence in note for note in plan.notes)
    extend_checkpoint(file, tmp_path / "new.gguf", 32, method=method)
    assert open_checkpoint(tmp_path / "new.gguf").tensors[KEY].dtype == dtype
