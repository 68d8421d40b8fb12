"""Break sound checkpoints in every way, run the commands on them, and count tracebacks, hangs and memory.

Run: python -m benchmarks.hostile [--files 10000] [--seed 0] [--keep FOLDER]

Small files of every format that is read are broken: safetensors, indexes of shards, zip archives and pickles of
torch, TorchScript, and the JSON files beside them. `posembed inspect` and `posembed extend --dry-run` run on each, in
processes of their own. A fault is a traceback, a crash, an exit code other than 0, 1 and 2, more than 10 s of processor
time, more memory than the file's size, what the same command takes on an empty checkpoint and 100 MiB, output that is
not JSON under `--json`, or a message of more than 10,000 characters. The command exits with 1 if there is any.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.hostile import breakage
from benchmarks.hostile.run import MEMORY, Outcome, most_of, run, size_of
from benchmarks.hostile.seeds import BESIDE, CONFIGS, TENSORS, write_seeds

MODELS = tuple(TENSORS)
SAFETENSORS = tuple(f"{name}.safetensors" for name in MODELS)
PICKLES = ("nanogpt.pt", "timm_ema.pt", "bert_bin.pt", "special.pt", "module.pt", "compiled.pt")
OLD_PICKLES = tuple(f"{name}.old.pt" for name in ("nanogpt", "timm_ema", "bert_bin", "special"))


def broken_files(seeds: Path, folder: Path, rng: random.Random) -> Iterator[tuple[str, Path]]:
    """Yield kinds and paths of broken files without end; each replaces the one before."""
    kinds: dict[str, Callable[[Path], Path]] = {
        "safetensors": lambda place: _file(
            place, seeds / f"{rng.choice(MODELS)}.safetensors", breakage.safetensors, rng
        ),
        "index": lambda place: _index(place, seeds, rng),
        "archive": lambda place: _file(place, seeds / rng.choice(PICKLES), breakage.archive, rng),
        "pickle": lambda place: _file(place, seeds / rng.choice(OLD_PICKLES), breakage.pickled_file, rng),
        "JSON": lambda place: _directory(place, seeds, rng),
    }
    while True:
        kind = rng.choice(list(kinds))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield kind, kinds[kind](folder)


def _file(place: Path, seed: Path, break_: Callable[[bytes, random.Random], bytes], rng: random.Random) -> Path:
    path = place / seed.name
    path.write_bytes(break_(seed.read_bytes(), rng))
    return path


def _index(place: Path, seeds: Path, rng: random.Random) -> Path:
    model = rng.choice(MODELS)
    shutil.copy(seeds / f"{model}.safetensors", place / "model-1.safetensors")
    index = {"metadata": {"total_size": 64}, "weight_map": dict.fromkeys(TENSORS[model], "model-1.safetensors")}
    text = (
        breakage.json_text(index, rng) if rng.random() < 0.3 else json.dumps(breakage.json_value(index, rng)).encode()
    )
    (place / "model.safetensors.index.json").write_bytes(text)
    (place / "config.json").write_text(json.dumps(CONFIGS[model]))
    return place / "model.safetensors.index.json" if rng.random() < 0.3 else place


def _directory(place: Path, seeds: Path, rng: random.Random) -> Path:
    model = rng.choice(MODELS)
    shutil.copytree(seeds / model, place, dirs_exist_ok=True)
    files: dict[str, object] = {"config.json": CONFIGS[model]}
    files |= {name: content for name, content in BESIDE.items() if rng.random() < 0.4}
    broken = rng.choice(list(files))
    for name, content in files.items():
        text = json.dumps(content).encode()
        if name == broken and rng.random() < 0.3:
            text = breakage.json_text(content, rng)
        elif name == broken:
            value = content
            for _ in range(rng.randrange(1, 4)):
                value = breakage.json_value(value, rng)
            text = json.dumps(value).encode()
        (place / name).write_bytes(text)
    return place


def commands(path: Path, rng: random.Random) -> list[list[str]]:
    """Return the words of the two commands for a path."""
    size = rng.choice((["--to", "128"], ["--to", "128"], ["--grid", "6x6"], ["--image-size", "96"]))
    table = ["--table", "transformer.wpe.weight", "--reserved", "0"] if rng.random() < 0.1 else []
    more = [*(["--json"] if rng.random() < 0.5 else []), *table]
    inspect = ["inspect", str(path), *(["--json"] if rng.random() < 0.5 else []), *table]
    return [inspect, ["extend", str(path), str(path.parent / "out-of-dry-run"), "--dry-run", *size, *more]]


def empty_checkpoint(folder: Path) -> Path:
    """Write a checkpoint without a tensor."""
    folder.mkdir()
    header = b"{}      "
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (folder / "config.json").write_text("{}")
    return folder


def measure(files: int, seed: int, keep: Path | None = None) -> tuple[Counter[str], list[Outcome], dict[str, int]]:
    """Run the commands on so many broken files; return faults, outcomes and how many files of each kind there were."""
    rng = random.Random(seed)
    faults: Counter[str] = Counter()
    outcomes: list[Outcome] = []
    kinds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        seeds, broken = Path(name) / "seeds", Path(name) / "broken"
        writer = multiprocessing.get_context("spawn").Process(target=write_seeds, args=(seeds,))
        writer.start()
        writer.join()
        if writer.exitcode:
            raise RuntimeError("the sound files could not be written")
        empty = empty_checkpoint(Path(name) / "empty")
        _import_everything(seeds, rng)
        base = {words[0]: run(words).memory for words in commands(empty, rng)}
        for number, (kind, path) in zip(range(files), broken_files(seeds, broken, rng), strict=False):
            kinds[kind] += 1
            allowed = size_of(path if path.is_dir() else path.parent) + MEMORY
            for words in commands(path, rng):
                outcome = run(words)
                outcomes.append(outcome)
                for fault in outcome.faults(allowed + base[words[0]]):
                    faults[fault] += 1
                    print(f"{number} {kind}: {fault}: {' '.join(words)}\n{outcome.fault[-2000:]}", file=sys.stderr)
                    if keep is not None:
                        shutil.copytree(broken, keep / f"{number}", dirs_exist_ok=True)
            if (number + 1) % 500 == 0:
                print(f"{number + 1} files, {faults.total()} faults", file=sys.stderr, flush=True)
    return faults, outcomes, dict(kinds)


def _import_everything(seeds: Path, rng: random.Random) -> None:
    """Import here what the commands import, so that each process has only its own work."""
    from posembed.cli import app

    suppressed = contextlib.suppress(SystemExit)
    for path in (seeds / "bert", seeds / "vit.safetensors", seeds / "nanogpt.pt"):
        for words in [each for _ in range(8) for each in commands(path, rng)]:
            sys.argv = ["posembed", *words]
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), suppressed:
                app.main()
    gc.freeze()  # so that collections in the processes do not copy these pages


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="copy the files that show a fault to this folder")
    options = parser.parse_args()
    start = time.monotonic()
    faults, outcomes, kinds = measure(options.files, options.seed, options.keep)
    codes = Counter(outcome.code for outcome in outcomes)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    print("exit codes: " + ", ".join(f"{code}: {count}" for code, count in sorted(codes.items())))
    print(f"longest: {most_of(outcomes, 'seconds'):.1f} s of processor time")
    print(f"most memory: {most_of(outcomes, 'memory') / 2**20:.0f} MiB")
    print(", ".join(f"{count} × {fault}" for fault, count in faults.items()) or "no faults")
    print(f"{faults.total()} faults in {options.files} files; {time.monotonic() - start:.0f} s")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
