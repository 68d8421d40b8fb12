"""Memory for gradients that is used again: a fresh one of 100 MB costs more in page faults than the sums in it."""

from __future__ import annotations

import functools
import weakref
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posembed.nn.kernels.threads import even, share


class KeptGradient:
    """Memory of a table's gradient that is lent to one tensor at a time.

    A tensor that is lent is an ordinary one: whoever holds it, or a view of it, keeps it, and another is made then.
    As few rows are cleared as possible: those that were written before, if no operation has changed the tensor since.
    One thread at a time may use it.

    Example:
        >>> kept, table = KeptGradient(), torch.zeros(2, 3)
        >>> first, _ = kept.lend(table)
        >>> address = first.data_ptr()
        >>> kept.lend(table)[0].data_ptr() == address  # the first one is held
        False
        >>> del first
        >>> kept.lend(table)[0].data_ptr() == address
        True
    """

    def __init__(self) -> None:
        self._memory: NDArray[Any] | None = None
        self._lent: weakref.ref[NDArray[Any]] | None = None
        self._written: list[NDArray[np.int64]] | None = None  # ids of all rows that are not zero; None: any may be
        self._counter = torch.empty(0)  # shares the version counter of the lent tensor, and not its memory
        self._version = 0

    def lend(self, table: Tensor) -> tuple[Tensor, bool]:
        """Return a tensor like ``table``, and whether all its values are zero; otherwise they may be anything.

        It has the kept memory where nobody holds that, and fresh memory if somebody does.
        """
        if self._is_lent():
            return torch.empty_like(table), False
        fits = self._fits(table)
        is_zero = fits and self._clear()
        if not fits:
            self._memory = torch.empty_like(table).numpy()
        assert self._memory is not None
        # The tensor owns this array, through the storage that it shares with all its views, and nobody else does.
        owned = self._memory.view()
        self._lent = weakref.ref(owned)
        lent = torch.from_numpy(owned)
        self._counter = lent.detach()
        self._counter.data = torch.empty(0, dtype=table.dtype)
        self._written = None
        return lent, is_zero

    def wrote(self, gradient: Tensor, ids: Tensor, *, added: bool) -> None:
        """Take note of the rows that were written: added to what was there, or else the only ones that are not zero."""
        if not self.holds(gradient, gradient):
            return
        if not added:
            self._written = []
        elif self._counter._version != self._version:
            self._written = None
        self._version = self._counter._version
        if self._written is not None:
            self._written.append(ids.detach().reshape(-1).to(torch.int64, copy=True).numpy())  # ids may be changed
            if sum(map(len, self._written)) > len(gradient):  # clearing all rows is no more work then
                self._written = None

    def holds(self, tensor: Tensor | None, table: Tensor) -> bool:
        """Return whether ``tensor`` has the kept memory, all of it, and the shape and dtype of ``table``."""
        if type(tensor) is not Tensor or tensor.layout != torch.strided or not self._is_lent():
            return False
        assert self._memory is not None
        alike = tensor.shape == table.shape and tensor.dtype == table.dtype and tensor.is_contiguous()
        return alike and tensor.device.type == "cpu" and tensor.data_ptr() == self._memory.ctypes.data

    def _is_lent(self) -> bool:
        return self._lent is not None and self._lent() is not None

    def _fits(self, table: Tensor) -> bool:
        return self._memory is not None and self._memory.shape == table.shape and self._counter.dtype == table.dtype

    def _clear(self) -> bool:
        """Set the rows that were written to zero, and return whether that makes all of them zero."""
        memory = self._memory
        assert memory is not None
        if self._written is None or self._counter._version != self._version:
            return False
        from posembed.nn.kernels import cpu_kernels  # imports numba

        width = memory.shape[1]
        for ids in self._written:
            share(functools.partial(cpu_kernels.clear, memory, ids), even(len(ids), width))
        # PyTorch does not count what is written through .data or NumPy; sums over processes, say, fill whole rows.
        return not memory[:, 0].any()

    def __reduce__(self) -> tuple[type[KeptGradient], tuple[()]]:
        """Copy and pickle as a new one: memory belongs to one module of one process."""
        return KeptGradient, ()
