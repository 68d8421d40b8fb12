"""The input embedding of BERT at one size against every peer: forward, and forward with backward.

Without token types every token has type 0, as in Transformers. "Gradients kept" is ``zero_grad(set_to_none=False)``:
gradients are zeroed and added to, not allocated anew; peers get the same. ``keep_gradients=True`` is ours alone: the
memory of the last gradient is used again although gradients are set to ``None``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.bench.peers import ORT, Peers, make_peers, onnx_runtime
from benchmarks.bench.results import Case, Result
from benchmarks.embedding import BATCH, LENGTH, VOCABULARY, WIDTH, forward, forward_backward, require_gradients
from benchmarks.timing import alternate_both, rounds_within

SIZE, QUICK_SIZE = (BATCH, LENGTH, WIDTH), (2, 8, 16)
SECONDS = 6.0  # of each case: eight candidates of 10 to 60 ms, some twenty rounds
TOLERANCE = 1e-5  # of values whose size LayerNorm makes 1: a few roundings in float32
COPY, FRESH = "copy of the output's size", "copy into fresh memory"
KEPT = "gradients kept"
_BYTES = 4  # of a float32


def measure(seed: int, *, quick: bool, folder: Path) -> Result:
    """Measure every candidate in turn, after comparing what they compute."""
    del folder
    torch.manual_seed(seed)
    batch, length, width = QUICK_SIZE if quick else SIZE
    result = Result("layer", quick, seed)
    peers = make_peers(width, length, compiled=not quick)
    result.missing |= peers.missing
    ids = torch.randint(1, VOCABULARY, (batch, length))
    types = torch.randint(0, 2, (batch, length))
    sizes: Case = {"batch": batch, "length": length, "width": width}
    for label, inputs in {"default": {}, "explicit": {"token_type_ids": types}}.items():
        case = {**sizes, "types": label}
        times_forward(result, {**case, "what": "forward"}, peers, ids, inputs)
        times_backward(result, {**case, "what": "forward + backward"}, peers.modules, ids, inputs)
    return result


def times_forward(result: Result, case: Case, peers: Peers, ids: Tensor, inputs: dict[str, Tensor]) -> None:
    """Measure the forward pass of all modules, of ONNX Runtime, and of copies as large as the output."""
    with torch.no_grad():
        expected = peers.theirs(input_ids=ids, **inputs)
    for name, module in peers.modules.items():
        with torch.no_grad():
            require_equal(name, module(input_ids=ids, **inputs), expected)
    runs: dict[str, Callable[[], object]] = {
        name: forward(module, ids, **inputs) for name, module in peers.modules.items()
    }
    try:
        fused = onnx_runtime(peers.theirs, ids, inputs.get("token_type_ids", torch.zeros_like(ids)))
        require_equal(ORT, fused(), expected)
        runs[ORT] = fused
    except ImportError as error:
        result.missing[ORT] = f"{error} (pip install 'posembed[bench]')"
    target = torch.empty_like(expected)
    runs |= {COPY: lambda: target.copy_(expected), FRESH: expected.clone}
    rounds = 2 if result.quick else rounds_within(runs, SECONDS)
    moved = moved_forward(ids, expected.shape[-1], with_types="token_type_ids" in inputs)
    result.add_all(case, alternate_both(runs, rounds), moved)


def times_backward(
    result: Result, case: Case, modules: dict[str, nn.Module], ids: Tensor, inputs: dict[str, Tensor]
) -> None:
    """Measure forward and backward, with gradients that are allocated anew and with kept ones."""
    width = int(case["width"])
    theirs = modules["transformers"]
    for name, module in modules.items():
        require_gradients(theirs, module, ids, name, **inputs)
    cotangent = torch.randn(*ids.shape, width)
    moved = moved_forward(ids, width, with_types="token_type_ids" in inputs) + moved_backward(ids, width)
    target = torch.empty_like(cotangent)
    for kept in (False, True):
        runs: dict[str, Callable[[], object]] = {
            name: forward_backward(module, ids, cotangent, keep=kept, **inputs) for name, module in modules.items()
        }
        runs[COPY] = lambda: target.copy_(cotangent)
        rounds = 2 if result.quick else rounds_within(runs, SECONDS)
        result.add_all({**case, "gradients": KEPT if kept else "fresh"}, alternate_both(runs, rounds), moved)
        for module in modules.values():
            module.zero_grad(set_to_none=True)


def require_equal(name: str, found: Tensor, expected: Tensor) -> None:
    """Refuse to time what computes something else."""
    torch.testing.assert_close(found, expected, rtol=0, atol=TOLERANCE, msg=lambda text: f"{name}: {text}")


def moved_forward(ids: Tensor, width: int, *, with_types: bool) -> float:
    """Return the bytes that any implementation reads and writes: ids, each distinct row once, the output."""
    rows = ids.unique().numel() + ids.shape[1] + 2
    return _BYTES * width * (rows + ids.numel()) + ids.element_size() * ids.numel() * (2 if with_types else 1)


def moved_backward(ids: Tensor, width: int) -> float:
    """Return the same of the backward pass: output gradient and rows are read, dense gradients are written."""
    return _BYTES * width * (ids.numel() + ids.unique().numel() + VOCABULARY + ids.shape[1] + 2)
