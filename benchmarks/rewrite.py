"""A checkpoint with one longer table: copying what stays against loading and saving everything, and against `cp`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

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
options = ["extend", {folder!r}, {new_folder!r}, "--to", "{longer}", "--method", "linear", "--check", "off"]
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


def require_parity(old: Path, out: Path) -> None:
    """Every byte that was to stay has stayed, and the new table is the old one twice."""
    measured(OURS, old, out)
    before, after = read_header(old), read_header(out / "model" / "model.safetensors")
    compare_copied(before, after, full=True, replaced={"wpe.weight"})
    assert after.tensors["wpe.weight"].shape == (LONGER, WIDTH)
