"""The types of tensors are those of the package."""

import pytest

from posembed.checkpoint.formats.gguf.types import TENSOR_TYPES
from posembed.checkpoint.tensors import FLOATS, QUANTIZED


def test_every_quantized_type_is_a_type_of_tables():
    assert {each.name for each in TENSOR_TYPES.values() if each.plain is None} == set(QUANTIZED) < set(FLOATS)


def test_sizes_are_those_of_the_package():
    gguf = pytest.importorskip("gguf")
    for number, each in TENSOR_TYPES.items():
        kind = gguf.GGMLQuantizationType(number)
        assert (kind.name, gguf.GGML_QUANT_SIZES[kind]) == (each.name, (each.block, each.size))
