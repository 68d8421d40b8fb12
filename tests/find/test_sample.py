"""Which rows are read before a table is believed, and which tensors are too large to look into."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed.checkpoint.source import open_checkpoint
from posembed.checkpoint.tensors import StoredTensor
from posembed.find.families import weights
from posembed.find.sample import leading_rows


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((100, 8), (64, 8)), ((10, 8), (10, 8)), ((1, 100, 8), (64, 8)), ((100, 1, 8), (64, 8)), ((1, 4, 5, 8), None)],
)
def test_the_first_rows(tmp_path, shape, expected):
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    save_file({"wpe": values}, tmp_path / "model.safetensors")
    rows = leading_rows(open_checkpoint(tmp_path), "wpe", 64)
    if expected is None:
        assert rows is None  # a grid's norms say nothing that its shape does not
    else:
        np.testing.assert_array_equal(rows, values.reshape(-1, 8)[: expected[0]])


def unread(shape, headers):
    """A checkpoint whose one tensor is made of zeros when it is read."""
    tensor = StoredTensor("wpe", shape, "U8", Path("f"))
    return SimpleNamespace(tensors={"wpe": tensor}, headers=headers, read=lambda _: np.zeros(shape, np.uint8))


@pytest.mark.parametrize(("shape", "read"), [((1, 64, 1 << 16), True), ((1, 64, (1 << 16) + 1), False)])
def test_a_tensor_of_more_than_four_million_numbers_is_not_read_whole(shape, read):
    rows = leading_rows(unread(shape, {}), "wpe", 64)
    assert (rows is not None) is read


@pytest.mark.parametrize(("width", "read"), [(1 << 16, True), ((1 << 16) + 1, False)])
def test_nor_are_rows_of_more_than_that(width, read, monkeypatch):
    asked = []
    monkeypatch.setattr("posembed.find.sample.read_values", lambda _, key, rows: asked.append((key, rows)) or "rows")
    rows = leading_rows(unread((1000, width), {Path("f"): "header"}), "wpe", 64)
    assert rows == ("rows" if read else None)
    assert asked == ([("wpe", slice(0, 64))] if read else [])


def test_a_matrix_without_a_header_is_read_whole():
    assert leading_rows(unread((100, 8), {}), "wpe", 64).shape == (64, 8)


def sinusoid_before(trained):
    """A table whose first rows are a sinusoid's, and the others random."""
    angles = np.arange(128)[:, None] / 10000.0 ** (np.arange(8) / 8)
    rows = np.concatenate((np.sin(angles), np.cos(angles)), axis=1).astype(np.float32)
    rows[trained:] = np.random.default_rng(0).normal(size=rows[trained:].shape)
    return rows


@pytest.mark.parametrize(("trained", "refused"), [(63, False), (64, True), (128, True)])
def test_sixty_four_rows_decide(tmp_path, trained, refused):
    from posembed import find_tables

    save_file({"wpe.weight": sinusoid_before(trained)}, tmp_path / "model.safetensors")
    (table,) = find_tables(tmp_path)
    assert (table.refused is not None) is refused
    assert weights.SAMPLE_ROWS == 64
