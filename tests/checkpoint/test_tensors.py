"""A stored tensor before its values are read."""

from pathlib import Path

import pytest

from posembed.checkpoint.formats.safetensors.header import DTYPES
from posembed.checkpoint.tensors import FLOATS, QUANTIZED, StoredTensor


def test_a_tensor_is_a_value_that_does_not_change():
    tensor = StoredTensor("wpe", (2, 3), "F32", Path("f"))
    assert tensor == StoredTensor("wpe", (2, 3), "F32", Path("f"))
    with pytest.raises(AttributeError):
        tensor.shape = (4, 3)


def test_tables_are_stored_in_floating_point_numbers_that_can_be_read():
    for code in set(FLOATS) - set(QUANTIZED):
        bits, array_type = DTYPES[code]
        assert array_type is not None
        assert array_type.itemsize * 8 == bits
        assert float(array_type.type(0.5)) == 0.5
