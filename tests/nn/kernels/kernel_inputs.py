"""Inputs of the fused embedding in awkward shapes, for the tests of every implementation."""

import torch

from posembed.nn.kernels.reference import Inputs

# batch, seq, width: one token, none, widths that are no power of two, one above a power of two
SHAPES = [(1, 1, 1), (2, 3, 3), (1, 5, 48), (2, 1, 65), (3, 4, 100), (1, 2, 769), (2, 0, 5), (0, 3, 5)]
WAYS = ["consecutive", "explicit", "one row", "packed", "none"]


def make(shape, way="consecutive", dtype=torch.float32, *, vocab=6, rows=None, device="cpu", **changes) -> Inputs:
    """Random inputs with segments, a LayerNorm and a padding row in both tables; ``changes`` replace fields."""
    batch, seq, width = shape
    rows = seq + 4 if rows is None else rows

    def table(*size):
        return torch.randn(*size, dtype=torch.float64).to(device, dtype)

    ids = torch.randint(0, vocab, (batch * seq,) if way == "packed" else (batch, seq), device=device)
    positions = {
        "explicit": torch.randint(0, rows, (batch, seq), device=device),
        "one row": torch.randint(0, rows, (1, seq), device=device),
        "packed": (torch.arange(batch * seq, device=device) % max(seq, 1)) + 1,
    }
    inputs = Inputs(
        ids,
        table(vocab, width),
        None if way == "none" else table(rows, width),
        positions.get(way),
        3 if way == "consecutive" else 0,
        table(2, width),
        torch.randint(0, 2, ids.shape, device=device),
        table(width),
        table(width),
        token_padding=min(1, vocab - 1),
        position_padding=3,
    )
    return inputs._replace(**changes)


def tables(inputs):
    """The tensors that have a gradient, by the name of their field."""
    names = ("token", "position", "segment", "weight", "bias")
    return {name: getattr(inputs, name) for name in names if getattr(inputs, name) is not None}


def with_tables(inputs, values):
    return inputs._replace(**values)


def dropout(share=0.4, seed=2**40 + 5, device="cpu"):
    return {"dropout": share, "seed": torch.tensor([seed], device=device)}
