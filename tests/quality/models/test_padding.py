import torch
from hypothesis import given
from hypothesis import strategies as st

from posembed.quality.models.padding import padded


@given(st.lists(st.lists(st.integers(0, 30000), min_size=1, max_size=9), min_size=1, max_size=5))
def test_rows_come_back(rows):
    ids, mask = padded(rows)
    assert ids.dtype == mask.dtype == torch.int64
    assert ids.shape == mask.shape == (len(rows), max(map(len, rows)))
    assert [row[own.bool()].tolist() for row, own in zip(ids, mask, strict=True)] == rows
    assert not ids[mask == 0].any()
