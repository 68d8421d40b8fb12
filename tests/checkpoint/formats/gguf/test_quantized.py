"""Quantized rows: an old row keeps its bytes, a new one is quantized, or the table becomes F16."""

import numpy as np
import pytest

from posembed.checkpoint.formats.gguf.quantized import dequantized, encoded, quantized
from posembed.checkpoint.formats.gguf.types import F16

gguf = pytest.importorskip("gguf")
ROWS = np.random.default_rng(0).normal(size=(6, 256)).astype("<f4")
Q4_K, Q8_0 = 12, 8


def stored(kind):
    if kind == Q4_K:
        blocks = np.random.default_rng(1).integers(0, 256, (6, 144), np.uint8)
        blocks[:, :4] = np.array([0.01, 0.02], "<f2").view(np.uint8)
        return blocks.tobytes()
    return quantized(ROWS, kind)


@pytest.mark.parametrize("kind", [Q4_K, Q8_0, 2, 3, 6, 7])
def test_old_rows_keep_their_bytes(kind):
    old = stored(kind)
    rows = dequantized(old, kind, (6, 256))
    assert encoded(np.concatenate([rows, rows[::-1]]), kind, old)[0] == kind
    data = encoded(np.concatenate([rows, rows]), kind, old)[1]
    assert data == old + old


@pytest.mark.parametrize("kind", [Q8_0, 3, 6, 7])
def test_rounded_rows_stay_what_they_are(kind):
    old = stored(kind)
    new = (ROWS[1:] + ROWS[:-1]) / 2
    written, data = encoded(new, kind, old)
    assert written == kind
    rounded = dequantized(data, kind, new.shape)
    assert np.abs(rounded - new).max() < 0.2
    assert encoded(rounded, kind, old) == (kind, data)


def test_a_type_that_cannot_be_written_becomes_f16():
    old = stored(Q4_K)
    rows = dequantized(old, Q4_K, (6, 256))
    kind, data = encoded((rows[1:] + rows[:-1]) / 2, Q4_K, old)
    assert kind == F16
    assert len(data) == 5 * 256 * 2
