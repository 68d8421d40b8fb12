"""The bounds of reading: they grow with the file."""

import io

import pytest

from posembed.checkpoint.formats.pickle.machine import FREE_BYTES, MOST_OPERATIONS, Machine, most_bytes
from posembed.checkpoint.formats.pickle.nodes import PickleFaultError


def test_bounds_grow_with_the_file_up_to_a_most():
    assert most_bytes(0) == FREE_BYTES
    assert most_bytes(1 << 30) > FREE_BYTES
    assert Machine(io.BytesIO(b""), 1 << 40).most == MOST_OPERATIONS


def test_bytes_are_counted_from_where_the_pickle_begins():
    stream = io.BytesIO(b"\0" * 10)
    stream.seek(5)
    machine = Machine(stream, 0)
    assert machine.take(5) == b"\0" * 5
    with pytest.raises(PickleFaultError, match="cut off"):
        machine.take(1)
    with pytest.raises(PickleFaultError, match="besides the tensors"):
        machine.take(FREE_BYTES)
