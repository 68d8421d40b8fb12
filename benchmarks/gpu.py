"""What a GPU gives: the input embedding against its peers and the card's bandwidth, and the commands against the CPU.

    python -m benchmarks.gpu [MODEL TEXTS] [--device cuda] [--out gpu.json]

Parity comes first: nothing is timed that computes something else. Candidates alternate, and the device is waited for
after each. Bytes are those that must move once: ids, the rows that are read, the output, and in the backward pass the
gradients. With --device cpu and --small it runs anywhere, which tests that it runs.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertEmbeddings

from benchmarks.bench.processes import IS_PROGRESS
from benchmarks.embedding import forward, forward_backward
from benchmarks.timing import alternate
from posembed import TokenPositionEmbedding, calibrate, evaluate, extend_checkpoint, load_transformers_state_dict
from posembed.errors import NoBetterMethodError, PosembedError
from posembed.hardware import environment
from posembed.observer import Callbacks
from posembed.records.search import MethodChoice
from posembed.storage import write_json

WIDTHS = (768, 1024, 4096)
BATCH, LENGTH, VOCABULARY = 128, 512, 30522  # 65,536 tokens
ROUNDS = 30
GIB = 1 << 30
# Of the CPU's first 250 steps, which a GPU is to reach.
CALIBRATION = {"length": 2048, "length_aware": True, "steps": 250, "every": 50, "check": "off"}
EVALUATION = {"lengths": (512, 2048), "documents": 100}
SEARCH = {"length": 4096, "check": "off", "dry_run": True}


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        what: forward, or forward and backward.
        d_model: width.
        candidate: who.
        ms: median.
        spread: least and most.
        bandwidth: share of the copy bandwidth of the same run, by the bytes that must move.
    """

    what: str
    d_model: int
    candidate: str
    ms: float
    spread: tuple[float, float]
    bandwidth: float


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("texts", nargs="?")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--tests", type=Path)
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that it runs")
    given = parser.parse_args()
    torch.manual_seed(0)
    speed = copy_bandwidth(given.device, 1 << 22 if given.small else GIB)
    rows = list(embedding_rows(given.device, speed, small=given.small))
    found: dict[str, Any] = {
        "environment": environment(given.device),
        "tests": None if given.tests is None else test_counts(given.tests),
        "copy_gib_per_second": speed / GIB,
        "embedding": [asdict(row) for row in rows],
        "calibration": None if given.model is None else calibration(given.model, given.texts, given.device, given.out),
        "evaluation": None if given.model is None else evaluation(given.model, given.texts, given.device),
        "search": None if given.model is None else search(given.model, given.texts, given.device, given.out),
    }
    write_json(given.out, found)
    print(f"{found['environment']['accelerator'] or given.device}: copies {speed / GIB:.0f} GiB/s")
    for row in rows:
        print(f"{row.what:20s} d {row.d_model:5d} {row.candidate:26s} {row.ms:9.3f} ms  {row.bandwidth:6.1%} of a copy")
    for name in ("tests", "calibration", "evaluation", "search"):
        print(f"{name}: {found[name]}")


def waiting(device: str) -> Callable[[], object]:
    """Return what waits until a device has done what it was asked for."""
    kind = torch.device(device).type
    if kind == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return torch.mps.synchronize if kind == "mps" else lambda: None


def copy_bandwidth(device: str, size: int) -> float:
    """Return the bytes per second that a copy within the device moves, read and written."""
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = alternate({"copy": lambda: target.copy_(source)}, 10, wait=waiting(device))["copy"]
    return 2 * size / statistics.median(times)


def embedding_rows(device: str, speed: float, *, small: bool) -> Iterator[Row]:
    """Yield the rows of BERT's input embedding in bfloat16, forward and with backward."""
    batch, length, widths, rounds = (2, 16, (48,), 2) if small else (BATCH, LENGTH, WIDTHS, ROUNDS)
    for width in widths:
        theirs, ours = modules(width, device)
        ids = torch.randint(1, VOCABULARY, (batch, length), device=device)
        given = torch.randn(batch, length, width, device=device, dtype=torch.bfloat16)
        candidates: dict[str, nn.Module] = {"transformers": theirs, **ours}
        if not small:
            candidates |= {f"{name}, compiled": torch.compile(each) for name, each in list(candidates.items())[:2]}  # type: ignore[misc]
        for name, module in candidates.items():
            require_parity(theirs, module, ids, name)
        moved = 2 * ids.numel() * width * given.element_size() + ids.numel() * ids.element_size()
        forwards = {name: forward(module, ids) for name, module in candidates.items()}
        both = {name: forward_backward(module, ids, given) for name, module in candidates.items()}
        # Backward: the output's gradient and what the forward saved are read, the tokens' gradient is written.
        gradients = 3 * ids.numel() * width * given.element_size()
        for what, runs, size in (("forward", forwards, moved), ("forward + backward", both, moved + gradients)):
            for name, times in alternate(runs, rounds, wait=waiting(device)).items():
                middle = statistics.median(times)
                share = size / middle / speed
                yield Row(what, width, name, 1e3 * middle, (1e3 * min(times), 1e3 * max(times)), share)


def modules(width: int, device: str) -> tuple[nn.Module, dict[str, nn.Module]]:
    """Return BERT's embedding of Transformers, and ours with the same weights, by each backend that runs here."""
    config = BertConfig(hidden_size=width, num_attention_heads=1, hidden_dropout_prob=0.0, vocab_size=VOCABULARY)
    theirs = BertEmbeddings(config).to(device, torch.bfloat16)
    state = {f"embeddings.{name}": value for name, value in theirs.state_dict().items()}
    made: dict[str, nn.Module] = {}
    for backend in ("auto", "triton", "reference"):
        ours = TokenPositionEmbedding.from_preset("bert-base", d_model=width, dropout=0.0, backend=backend)
        load_transformers_state_dict(ours.to(device, torch.bfloat16), state)
        try:
            ours(torch.zeros(1, 1, dtype=torch.int64, device=device))
        except PosembedError as error:
            print(f"backend {backend}: {error}")
            continue
        made["posembed" if backend == "auto" else f"posembed, {backend}"] = ours
    return theirs, made


def require_parity(theirs: nn.Module, module: nn.Module, ids: Tensor, name: str) -> None:
    """Refuse to time what computes something else: bfloat16 has eight bits, and LayerNorm makes values of size 1."""
    with torch.no_grad():
        one, other = theirs(input_ids=ids[:2]), module(input_ids=ids[:2])
    torch.testing.assert_close(other, one, rtol=2e-2, atol=4e-2, msg=lambda text: f"{name}: {text}")


def calibration(model: Path, texts: str, device: str, out: Path) -> dict[str, Any]:
    """Calibrate, and return the seconds of each evaluation with its validation loss: the first is before step 1."""
    began, points = time.perf_counter(), []

    def seen(update: Any) -> None:
        if update.loss is not None:
            points.append((time.perf_counter() - began, update.loss))

    target = out.with_name(f"{out.stem}.calibrated")
    record = calibrate(model, target, data=texts, device=device, observer=Callbacks(progress=seen), **CALIBRATION)
    return {
        "seconds": record.seconds,
        "tokens_per_second": record.training_tokens / record.seconds,
        "curve": [point.to_dict() for point in record.curve],
        "points": points[:: max(1, len(points) // 20)],
    }


def evaluation(model: Path, texts: str, device: str) -> dict[str, Any]:
    """Evaluate, and return the seconds in all and until the first progress, with what was found."""
    began, seen = time.perf_counter(), []

    def said(text: str) -> None:
        if re.search(IS_PROGRESS, text):
            seen.append(time.perf_counter() - began)

    observer = Callbacks(message=said)
    found = evaluate(model, data=texts, device=device, observer=observer, **EVALUATION)
    return {
        "seconds": time.perf_counter() - began,
        "first_progress": seen[0] if seen else None,
        "verdict": list(found.verdict),
    }


def search(model: Path, texts: str, device: str, out: Path) -> dict[str, Any]:
    """Choose the method of an extension on texts, and return the seconds with the choice."""
    began = time.perf_counter()
    target, choice = out.with_name(f"{out.stem}.extended"), None
    try:
        choice = extend_checkpoint(model, target, data=texts, device=device, **SEARCH).choice
    except NoBetterMethodError as error:
        choice = error.choice
    assert isinstance(choice, MethodChoice)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "accepted": choice.accepted,
        "method": choice.method,
        "options": dict(choice.options),
        "candidates": len(choice.swept),
    }


def test_counts(path: Path) -> dict[str, int]:
    """Return how many tests ran, failed and were skipped, of pytest's report."""
    suite = next(ET.parse(path).getroot().iter("testsuite"))
    return {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}


if __name__ == "__main__":
    main()
