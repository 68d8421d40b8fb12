"""Checkpoints of many shards: `extend --link`, which must not depend on what is not copied, and finding the tables.

The shards are sparse: 70 GB that take no disk. Only the one with the table has values, since a table of zeros is none.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from safetensors import safe_open

from benchmarks.bench.processes import POSEMBED, collect, run_command
from benchmarks.bench.results import Case, Result, Row
from benchmarks.rewrite import CONFIG, POSITIONS, WIDTH
from benchmarks.timing import alternate_both, rounds_within
from posembed.find.search import find_tables

LONGER = 2 * POSITIONS
GB = 10**9
# Shards, bytes in all, bytes of the shard with the table: the last is what has to be copied.
LINKED = ((10, 7 * GB, GB // 50), (100, 7 * GB, GB // 50), (100, 70 * GB, GB // 50), (100, 70 * GB, 7 * GB // 10))
QUICK_LINKED = ((2, GB // 50, GB // 100), (3, GB // 50, GB // 100))
FOUND = (10, 100, 1000)
TENSORS = 12  # of each shard: a block of GPT-2
ROUNDS = 3


def measure(seed: int, *, quick: bool, folder: Path) -> Result:
    """Measure both, over numbers and sizes of shards."""
    result = Result("shards", quick, seed)
    for shards, size, first in QUICK_LINKED if quick else LINKED:
        linked(result, folder, seed, shards, size, first)
    for shards in FOUND[:1] if quick else FOUND:
        found(result, folder, seed, shards)
    return result


def linked(result: Result, folder: Path, seed: int, shards: int, size: int, first: int) -> None:
    """Extend with hard links in place of copies."""
    source, out = make_shards(folder / "linked", seed, shards, size, first), folder / "out"
    words = [*POSEMBED, "extend", str(source), str(out), "--to", str(LONGER), "--method", "linear", "--link"]
    rounds = []
    for _ in range(1 if result.quick else ROUNDS):
        rounds.append(run_command([*words, "--check", "off"]))
        require_linked(source, out)
        shutil.rmtree(out)
    case: Case = {"what": "extend --link", "shards": shards, "bytes": size, "copied": first}
    result.rows.append(Row(case, "posembed", collect(rounds)))
    shutil.rmtree(source)


def found(result: Result, folder: Path, seed: int, shards: int) -> None:
    """Find the tables; the peer opens every shard with the safetensors library and reads the shapes of its tensors."""
    source = make_shards(folder / "found", seed, shards, shards * GB // 50, GB // 50)
    assert [table.key for table in find_tables(source)] == ["wpe.weight"]
    runs: dict[str, Callable[[], object]] = {
        "posembed, find_tables": lambda: find_tables(source),
        "safetensors, every header": lambda: read_headers(source),
    }
    rounds = 2 if result.quick else rounds_within(runs, 3.0)
    case: Case = {"what": "find_tables", "shards": shards, "tensors": shards * TENSORS}
    result.add_all(case, alternate_both(runs, rounds))
    words = [*POSEMBED, "inspect", str(source), "--no-values"]
    rows = collect([run_command(words) for _ in range(1 if result.quick else ROUNDS)])
    result.rows.append(Row(case, "posembed inspect --no-values", rows))
    shutil.rmtree(source)


def read_headers(source: Path) -> dict[str, list[int]]:
    """Return the shape of every tensor, as whoever does it by hand would."""
    shapes: dict[str, list[int]] = {}
    for path in sorted(source.glob("*.safetensors")):
        with safe_open(path, "np") as file:
            shapes |= {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118 - no mapping
    return shapes


def make_shards(folder: Path, seed: int, shards: int, size: int, first: int) -> Path:
    """Write a GPT-2 checkpoint of sparse shards; the first has the table and ``first`` bytes, the others the rest."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**CONFIG, "n_layer": shards}), encoding="utf-8")
    index: dict[str, str] = {}
    for number in range(shards):
        name = f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        share = first if number == 0 else (size - first) // (shards - 1)
        content = dict(_tensors(number, share))
        index |= dict.fromkeys(content, name)
        _write_sparse(folder / name, content, seed)
    whole = {"metadata": {"total_size": size}, "weight_map": index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(whole), encoding="utf-8")
    return folder


def _tensors(number: int, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield names and shapes of float32 tensors that take about ``size`` bytes together."""
    if number == 0:
        yield "wpe.weight", (POSITIONS, WIDTH)
        size -= 4 * POSITIONS * WIDTH
    rows = max(1, size // (4 * WIDTH * TENSORS))
    for index in range(TENSORS - (number == 0)):
        yield f"h.{number}.part{index}.weight", (rows, WIDTH)


def _write_sparse(path: Path, shapes: dict[str, tuple[int, ...]], seed: int) -> None:
    content: dict[str, object] = {"__metadata__": {"format": "pt"}}
    reached = 0
    for key, shape in shapes.items():
        begin, reached = reached, reached + 4 * int(np.prod(shape))
        content[key] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, reached]}
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        if "wpe.weight" in shapes:  # it comes first
            file.write(np.random.default_rng(seed).standard_normal(shapes["wpe.weight"], dtype=np.float32).tobytes())
        file.truncate(8 + len(text) + reached)


def require_linked(source: Path, out: Path) -> None:
    """Refuse to time a command that copied what it was to link, or that left the table as it was."""
    kept = sorted(source.glob("*.safetensors"))[1:]
    assert all(path.samefile(out / path.name) for path in kept)
    assert find_tables(out)[0].layout.rows == LONGER
