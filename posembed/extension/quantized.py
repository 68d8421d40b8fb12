"""Say in which type the rows of a quantized table are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import QUANTIZED
from posembed.extension.table_change import TableChange


def quantized_notes(checkpoint: Checkpoint, changes: Sequence[TableChange]) -> Iterator[str]:
    """Yield a sentence for each quantized table: its rows are copied, quantized again, or become F16."""
    for change in changes:
        table = change.table
        file = checkpoint.others.get(table.file)
        if table.dtype not in QUANTIZED or file is None:
            continue
        wanted = change.apply(checkpoint.read(table.key)).astype(np.float32)
        written = file.as_stored(table.key, wanted)
        error = float(np.abs(written.astype(np.float32) - wanted).max(initial=0.0))
        if written.dtype == np.float16:
            yield f"{table.key} is written as F16: the package gguf reads {table.dtype} but cannot write it"
        elif error == 0:
            yield f"{table.key} stays {table.dtype}: every new row repeats an old one, byte for byte"
        else:
            yield f"{table.key} stays {table.dtype}: new rows are quantized again, with an error of at most {error:.2g}"
