"""How much goes through a model at once: as much as its device has room for, and less after its memory ran out."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch

from posembed.errors import WorkFailedError

Result = TypeVar("Result")
# Tokens of a batch, padding included: enough to fill the cores, and about 0.5 GB of activations for a model of BERT's
# size.
TOKENS_PER_BATCH = 8192
# The same on an accelerator, where memory allows it: larger batches are no faster, and pad more.
_MOST_TOKENS = 1 << 18
# Of what an accelerator has free. The rest is for what a layer holds for a moment, and for others that use it.
SHARE = 0.5
# Bytes of the outputs of a batch, where a model gives a number for each entry of its vocabulary: 2,199 tokens of BERT's
# 30,522 entries. A longer text is read alone.
_OUTPUT_BYTES = 1 << 28
# float32 numbers that one layer holds per token and unit of width in a forward pass: states, queries, keys, values,
# and the inner layer of four times the width, twice.
_HELD = 16
_WIDTHS = ("hidden_size", "d_model", "n_embd", "dim")


def device_of(model: Any) -> torch.device:
    """Return where a model's parameters are; the CPU for one that has none."""
    parameter = next(iter(model.parameters()), None) if hasattr(model, "parameters") else None
    return torch.device("cpu") if parameter is None else torch.device(parameter.device)


def free_bytes(device: torch.device) -> int | None:
    """Return the bytes that an accelerator has free, or ``None`` where nothing says so, as for a CPU's."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return None


class BatchSize:
    """Tokens of a batch of one model; smaller after its device ran out of memory.

    Args:
        model: whose device and width decide the first size.
        outputs: numbers that the model gives per token, where that is a whole vocabulary; 0 where they hardly count.
    """

    def __init__(self, model: Any, outputs: int = 0) -> None:
        self._model, self._outputs = weakref.ref(model), outputs
        self._tokens: int | None = None

    @property
    def tokens(self) -> int:
        """Tokens of a batch, padding included."""
        if self._tokens is None:
            model = self._model()
            free = free_bytes(device_of(model))
            if free is None:
                return self._within(TOKENS_PER_BATCH, _OUTPUT_BYTES)
            # Once: what PyTorch keeps for itself is no longer free.
            self._tokens = self._within(_fitting(free, model), int(free * SHARE) // 2)
        return self._tokens

    def _within(self, tokens: int, output_bytes: int) -> int:
        """Return the tokens whose outputs fit, too."""
        if not self._outputs:
            return tokens
        return max(1, min(tokens, output_bytes // (self._outputs * torch.float32.itemsize)))

    def batches(self, lengths: Sequence[int], run: Callable[[list[int]], None]) -> None:
        """Call ``run`` with the numbers of texts that go through the model together, those of similar length.

        Where the memory does not suffice, the batch is halved and tried again, and so are all later ones.

        Args:
            lengths: tokens of each text, special ones included.
            run: reads some texts, and keeps what it finds only once all is done.

        Raises:
            WorkFailedError: if a single text does not fit into memory.
        """
        order = sorted(range(len(lengths)), key=lengths.__getitem__)
        while order:
            width = max(1, lengths[order[-1]])
            count = min(len(order), max(1, self.tokens // width))
            some = order[: -count - 1 : -1]
            if fits(partial(run, some)):
                del order[-count:]
            elif count == 1:
                raise WorkFailedError(_too_large(device_of(self._model()), f"one text of {width} tokens"))
            else:
                self._tokens = width * (count // 2)


def fits(work: Callable[[], object]) -> bool:
    """Do some work, and return whether the memory sufficed; what it had left there is given back.

    Raises:
        Exception: whatever else the work raises.
    """
    try:
        work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    else:
        return True
    # Only now are the frames gone that hold the tensors of the failed work.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return False


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that a device, or the machine, has no memory left.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
        (True, False)
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    words = str(error)  # Apple's and the CPU's allocators have no class of their own
    return isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)


@contextmanager
def memory_named(device: str, advice: str) -> Iterator[None]:
    """Turn what PyTorch says when no memory is left into one sentence that says what to do.

    Args:
        device: on which the work within runs.
        advice: what would need less.

    Raises:
        WorkFailedError: in place of PyTorch's error.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        found = torch.device(device)
    else:
        return
    raise WorkFailedError(f"{_too_large(found, 'the work')}; {advice}")


def _too_large(device: torch.device, what: str) -> str:
    other = "" if device.type == "cpu" else ", or run it on the CPU with device='cpu'"
    return f"{what} does not fit into the memory of {device}: close what else uses it{other}"


def _fitting(free: int, model: Any) -> int:
    """Return the tokens of a batch that fills half of some free bytes."""
    config = getattr(model, "config", None)
    width = next((size for name in _WIDTHS if isinstance(size := getattr(config, name, None), int)), None)
    if not width:
        return TOKENS_PER_BATCH
    fitting = int(free * SHARE) // (_HELD * width * torch.float32.itemsize)
    return max(TOKENS_PER_BATCH, min(_MOST_TOKENS, fitting))
