"""What `--check load` costs: time above the library's own import, and memory of the calling process.

Run: python -m benchmarks.model_check [--layers 12] [--width 768] [--rounds 5] [--folder DIR]

A BERT of that size is extended in turn without and with the check, and the library alone is imported as often.
Processor time counts, of the command and all its processes, because another program's load must not; wall time is
printed beside it. Memory is the peak of the calling process, which has no part in the check but to wait for it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from benchmarks.timing import print_header

LIMIT = 3.0
"""Seconds above the import: what a user who waits for a copy hardly notices."""
MEMORY = 8.0
"""MiB that two runs of one program differ by."""
LONGER = 1024

IMPORT = "import torch; from transformers import AutoConfig, BertModel"
EXTEND = """
import json
from pathlib import Path
from posembed import extend_checkpoint
plan = extend_checkpoint({source!r}, {out!r}, {length}, force=True, check={check!r})
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([plan.checked.outcome, int(peak.split()[1]) / 1024]))
"""


@dataclass(frozen=True)
class Run:
    """One process with those that it started: seconds, and what it printed."""

    processor: float
    wall: float
    printed: str


def run(code: str) -> Run:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall, done.stdout)


def write_bert(folder: Path, layers: int, width: int) -> Path:
    """Write a BERT of zeros: only shapes matter here."""
    import torch
    import transformers

    config = transformers.BertConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=width // 64, intermediate_size=4 * width
    )
    with torch.device("meta"):
        model = transformers.BertModel(config)
    folder.mkdir()
    config.architectures = ["BertModel"]
    config.save_pretrained(folder)
    tensors = {key: np.zeros(tuple(value.shape), np.float32) for key, value in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def main() -> int:
    """Measure, print, and return 1 if the check costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    print_header("What --check load costs", seed=0)
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        source = write_bert(Path(place) / "source", options.layers, options.width)
        size = (source / "model.safetensors").stat().st_size / 2**20
        code = {"import": IMPORT}
        for check in ("off", "load"):
            code[check] = EXTEND.format(source=str(source), out=f"{place}/out", length=LONGER, check=check)
        runs: dict[str, list[Run]] = {name: [] for name in code}
        for _ in range(options.rounds):
            for name, each in code.items():
                runs[name].append(run(each))
    processor = {name: statistics.median(each.processor for each in rounds) for name, rounds in runs.items()}
    wall = {name: statistics.median(each.wall for each in rounds) for name, rounds in runs.items()}
    outcomes = {json.loads(each.printed)[0] for each in runs["load"]}
    memory = {name: statistics.median(json.loads(each.printed)[1] for each in runs[name]) for name in ("off", "load")}
    print(f"BERT of {options.layers} layers, {size:.0f} MiB, outcome {', '.join(sorted(outcomes))}; medians")
    names = {"import": "import of the library", "off": "extend --check off", "load": "extend --check load"}
    for name, words in names.items():
        print(f"  {words:24s} {processor[name]:6.2f} s of processor time {wall[name]:7.2f} s of wall time")
    above = processor["load"] - processor["off"] - processor["import"]
    print(f"  above the import         {above:6.2f} s of processor time (limit {LIMIT})")
    print(f"  memory of the caller     {memory['off']:.0f} MiB without, {memory['load']:.0f} MiB with the check")
    return int(outcomes != {"loads"} or above > LIMIT or memory["load"] - memory["off"] > MEMORY)


if __name__ == "__main__":
    sys.exit(main())
