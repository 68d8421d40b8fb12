"""Read a pickle as data, with bounds on time and memory."""

from __future__ import annotations

import struct
from typing import BinaryIO

from posembed.checkpoint.formats.pickle.machine import Machine
from posembed.checkpoint.formats.pickle.nodes import Node, PickleFaultError
from posembed.checkpoint.formats.pickle.operations import OPERATIONS


def read_nodes(stream: BinaryIO, file_size: int) -> Node:
    """Return what the pickle that begins at the stream's position describes; the stream then stands behind it.

    Args:
        stream: a buffered file or bytes.
        file_size: of the whole file, which bounds the work.

    Raises:
        PickleFaultError: for a pickle that is broken or out of proportion.
        UnsafePickleError: for one that would run code.
    """
    machine = Machine(stream, file_size)
    try:
        return machine.run(OPERATIONS)
    except (IndexError, KeyError, ValueError, TypeError, OverflowError, struct.error) as error:
        raise PickleFaultError("it ends early or is damaged") from error
