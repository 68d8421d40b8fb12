"""The input embedding of BERT over batch × length × width, against Transformers: how both grow in each of the three."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import torch

from benchmarks.bench.layer import COPY, moved_backward, moved_forward, require_equal
from benchmarks.bench.peers import make_bert
from benchmarks.bench.results import Case, Result
from benchmarks.embedding import VOCABULARY, forward, forward_backward
from benchmarks.timing import alternate_both, rounds_within

BATCHES, LENGTHS, WIDTHS = (1, 4, 16), (32, 128, 512), (256, 768, 1536)
SECONDS = 0.4  # of each of the 54 cases; a few rounds where one takes longer


def measure(seed: int, *, quick: bool, folder: Path) -> Result:
    """Measure forward, and forward with backward, in every cell."""
    del folder
    torch.manual_seed(seed)
    batches, lengths, widths = ((1, 2), (4, 8), (8, 16)) if quick else (BATCHES, LENGTHS, WIDTHS)
    result = Result("grid", quick, seed)
    for width in widths:
        theirs, ours = make_bert(width, max(lengths))
        modules = {"posembed": ours, "transformers": theirs}
        for batch, length in product(batches, lengths):
            ids = torch.randint(1, VOCABULARY, (batch, length))
            cotangent = torch.randn(batch, length, width)
            with torch.no_grad():
                require_equal("posembed", ours(ids), theirs(input_ids=ids))
            target, case = torch.empty_like(cotangent), {"batch": batch, "length": length, "width": width}
            forwards: dict[str, Callable[[], object]] = {name: forward(each, ids) for name, each in modules.items()}
            both: dict[str, Callable[[], object]] = {
                name: forward_backward(each, ids, cotangent) for name, each in modules.items()
            }
            moved = moved_forward(ids, width, with_types=False)
            for what, runs, size in (
                ("forward", forwards, moved),
                ("forward + backward", both, moved + moved_backward(ids, width)),
            ):
                runs[COPY] = lambda target=target, source=cotangent: target.copy_(source)  # type: ignore[misc]
                rounds = 2 if quick else rounds_within(runs, SECONDS, least=4)
                named: Case = {**case, "what": what}
                result.add_all(named, alternate_both(runs, rounds, warmup=1), size)
    return result
