"""A checkpoint with one longer table: copying what stays against loading and saving everything, and against `cp`.

Run: python -m benchmarks.rewrite [--gigabytes 3] [--rounds 3] [--folder DIR] [--transformers]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.timing import print_header
from posembed.checkpoint.formats.safetensors.edit import compare_copied, read_header

WIDTH, VOCABULARY, POSITIONS, LONGER = 1280, 50257, 1024, 2048
UNFLUSHED = "posembed extend, not flushed"
CONFIG = {"model_type": "gpt2", "architectures": ["GPT2Model"], "n_embd": WIDTH, "n_head": 20, "n_positions": POSITIONS}

OURS = """
from pathlib import Path
import numpy as np
from posembed.checkpoint.formats.safetensors.edit import read_header, read_tensor, write_rewritten
header = read_header(Path({old!r}))
table = read_tensor(header, "wpe.weight")
begun = time.perf_counter()
write_rewritten(header, Path({new!r}), {{"wpe.weight": np.concatenate([table, table])}})
seconds = time.perf_counter() - begun
"""
CP = """
import subprocess
begun = time.perf_counter()
subprocess.run(["cp", "--reflink=auto", {old!r}, {new!r}], check=True)
seconds = time.perf_counter() - begun
"""
LIBRARY = """
import torch
from safetensors.torch import load_file, save_file
begun = time.perf_counter()
tensors = load_file({old!r})
tensors["wpe.weight"] = torch.cat([tensors["wpe.weight"]] * 2)
save_file(tensors, {new!r}, metadata={{"format": "pt"}})
seconds = time.perf_counter() - begun
"""
TRANSFORMERS = """
import torch
from transformers import GPT2Model
begun = time.perf_counter()
model = GPT2Model.from_pretrained({folder!r})
model.wpe.weight = torch.nn.Parameter(torch.cat([model.wpe.weight.data] * 2))
model.config.n_positions = {longer}
model.save_pretrained({new_folder!r})
seconds = time.perf_counter() - begun
"""
# The whole command: planning, copying, verifying, and flushing unless `before` turns it off; its start counts too.
EXTEND = """
import subprocess, sys
begun = time.perf_counter()
options = ["extend", {folder!r}, {new_folder!r}, "--to", "{longer}", "--method", "linear"]
command = [sys.executable, "-c", {before!r} + "from posembed.cli.app import main; main()", *options]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - begun
"""
NO_FLUSH = "import os; os.fsync = lambda descriptor: None; "
# Flushing is timed apart: it measures the disk. Memory is the highest of the process and its children; the process's
# own ru_maxrss would start at that of this benchmark, which Linux hands on to what it starts, so VmHWM is read instead.
FRAME = """
import os, resource, sys, time
{body}
begun = time.perf_counter()
for root, _, files in os.walk({out!r}):
    for name in files:
        descriptor = os.open(os.path.join(root, name), os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
flush = time.perf_counter() - begun
own = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
peak = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(seconds, flush, peak)
"""


def shapes(gigabytes: float) -> Iterator[tuple[str, tuple[int, ...]]]:
    """GPT-2 large (36 blocks, 3.1 GB in float32), with as many blocks as the size asks for."""
    yield "wte.weight", (VOCABULARY, WIDTH)
    yield "wpe.weight", (POSITIONS, WIDTH)
    block = 4 * (12 * WIDTH * WIDTH + 13 * WIDTH)
    for index in range(max(round((gigabytes * 1e9 - 4 * (VOCABULARY + POSITIONS) * WIDTH) / block), 1)):
        for name, inputs, outputs in (
            ("attn.c_attn", WIDTH, 3 * WIDTH),
            ("attn.c_proj", WIDTH, WIDTH),
            ("mlp.c_fc", WIDTH, 4 * WIDTH),
            ("mlp.c_proj", 4 * WIDTH, WIDTH),
        ):
            yield f"h.{index}.{name}.weight", (inputs, outputs)
            yield f"h.{index}.{name}.bias", (outputs,)
        for name in ("ln_1", "ln_2"):
            yield f"h.{index}.{name}.weight", (WIDTH,)
            yield f"h.{index}.{name}.bias", (WIDTH,)
    yield "ln_f.weight", (WIDTH,)
    yield "ln_f.bias", (WIDTH,)


def make_checkpoint(folder: Path, gigabytes: float, seed: int) -> Path:
    """A GPT-2 folder of finite random values."""
    content: dict[str, object] = {"__metadata__": {"format": "pt"}}
    reached, generator = 0, np.random.default_rng(seed)
    for key, shape in shapes(gigabytes):
        content[key] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [reached, reached := reached + 4 * int(np.prod(shape))],
        }
    folder.mkdir()
    blocks = 1 + max(int(key.split(".")[1]) for key in content if key.startswith("h."))
    (folder / "config.json").write_text(json.dumps({**CONFIG, "n_layer": blocks}))
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 8)
    path = folder / "model.safetensors"
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        while reached:
            values = generator.random(min(reached // 4, 1 << 24), dtype=np.float32)
            file.write(values.tobytes())
            reached -= values.nbytes
    return path


def measured(candidate: str, old: Path, out: Path, before: str = "") -> tuple[float, float, float]:
    """Seconds of the work, seconds of flushing, and peak MiB, in a fresh process with nothing waiting to be written."""
    shutil.rmtree(out, ignore_errors=True)
    new_folder = out / "model"
    (out if EXTEND in candidate else new_folder).mkdir(parents=True)
    os.sync()
    new = new_folder / "model.safetensors"
    names = {
        "old": str(old),
        "new": str(new),
        "folder": str(old.parent),
        "new_folder": str(new_folder),
        "longer": LONGER,
        "before": before,
    }
    code = FRAME.format(body=candidate.format(**names), out=str(out))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"a candidate failed:\n{done.stderr[-2000:]}")
    seconds, flush, peak = map(float, done.stdout.split()[-3:])
    return seconds, flush, peak / 1024


def processor_seconds(arguments: list[str], runs: int = 5) -> float:
    """Median processor time, user and system, of a command of ours."""
    times = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", "from posembed.cli.app import main; main()", *arguments]
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def require_parity(old: Path, out: Path) -> None:
    """Every byte that was to stay has stayed, and the new table is the old one twice."""
    measured(OURS, old, out)
    before, after = read_header(old), read_header(out / "model" / "model.safetensors")
    compare_copied(before, after, full=True, replaced={"wpe.weight"})
    assert after.tensors["wpe.weight"].shape == (LONGER, WIDTH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="where the files are made (default: the system's folder for temporary files)")
    parser.add_argument(
        "--transformers", action="store_true", help="also GPT2Model.from_pretrained and save_pretrained"
    )
    arguments = parser.parse_args()
    candidates = {"cp": CP, "write_rewritten": OURS, "safetensors load_file, save_file": LIBRARY}
    candidates |= {"transformers load, save": TRANSFORMERS} if arguments.transformers else {}
    candidates |= {"posembed extend, flushed": EXTEND, UNFLUSHED: EXTEND}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        old, out = make_checkpoint(Path(folder) / "gpt2", arguments.gigabytes, arguments.seed), Path(folder) / "out"
        print_header(f"One table of {old.stat().st_size / 1e9:.2f} GB of GPT-2 weights doubled", arguments.seed)
        require_parity(old, out)
        results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in candidates}
        for _ in range(arguments.rounds):
            for name, body in candidates.items():
                results[name].append(measured(body, old, out, NO_FLUSH if name == UNFLUSHED else ""))
        found, card = ["inspect", str(old.parent), "--json", "--no-values"], ["inspect", str(old.parent)]
        print(
            f"  processor time: finding the tables {processor_seconds(found):.2f} s, inspect with the table's values "
            f"{processor_seconds(card):.2f} s, help {processor_seconds(['--help']):.2f} s"
        )
    for name, runs in results.items():
        work, flush, peak = zip(*runs, strict=True)
        print(
            f"  {name:40s} {statistics.median(work):7.2f} s ({min(work):.2f} to {max(work):.2f}), "
            f"with fsync {statistics.median(map(sum, zip(work, flush, strict=True))):7.2f} s, peak {max(peak):6.0f} MiB"
        )
    for name in ("write_rewritten", UNFLUSHED):
        pairs = zip(results[name], results["cp"], strict=True)
        ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in pairs)
        print(f"  {name} / cp, before fsync, median of rounds: {ratio:.2f}")


if __name__ == "__main__":
    main()
