"""Walk all model types, write one JSON each, and gather `truth.json`.

Run `python -m benchmarks.census.truth --jobs 2`; a second run goes on where the first stopped,
`--only bert,vit` does those anew.
"""

import argparse
import json
import os
import re
import resource
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from benchmarks.census import build, details
from benchmarks.census.judge import Verdict
from benchmarks.census.probe import probe_model
from benchmarks.census.split import held_out

HERE = Path(__file__).parent
SECONDS = 300
MEMORY = 10 * 2**30
DEEPEST = 300_000_000
"""Bytes that one model type may take, and parameters up to which an unresolved model is tried at full depth."""
KEPT = (
    "kind",
    "reserved",
    "prefix",
    "suffix",
    "grid",
    "usable",
    "along",
    "why",
    "frozen",
    "default_shape",
    "copies",
    "fields",
    "fields_down",
    "full_length",
    "past_the_end",
    "other_size",
    "resize",
)


class _TooLong(BaseException):
    """A model type took more than its time."""


def file_keys(model: Any, names: list[str]) -> dict[str, str | None]:
    """Find under which key each named array is saved: each gets random values of its own, looked up in the file."""
    arrays = build.arrays(model)
    with torch.no_grad():
        for seed, name in enumerate(names):
            arrays[name].data.copy_(
                torch.randn(arrays[name].shape, generator=torch.Generator().manual_seed(1000 + seed))
            )
    found: dict[str, str | None] = dict.fromkeys(names)
    with tempfile.TemporaryDirectory() as directory:
        model.save_pretrained(directory)
        for file in sorted(Path(directory).glob("*.safetensors")):
            with safe_open(file, "pt") as handle:
                shapes = {k: tuple(handle.get_slice(k).get_shape()) for k in handle.keys()}  # noqa: SIM118 - not a mapping
                for name in names:
                    mine = arrays[name].detach().flatten().float()
                    order = sorted(shapes, key=lambda k, n=name: (not n.endswith(k.rsplit(".", 1)[-1]), k))
                    for key in (k for k in order if torch.Size(shapes[k]).numel() == mine.numel()):
                        theirs = handle.get_tensor(key).flatten().float()
                        if torch.equal(mine, theirs) or torch.equal(mine.sort().values, theirs.sort().values):
                            found[name] = key
                            break
    return found


def pattern(name: str) -> str:
    """Name an array with its layer numbers left open, to count copies."""
    return re.sub(r"\.\d+\.", ".N.", name)


def look_alike(name: str, verdict: Verdict) -> bool:
    """Say whether a refused array is worth listing: its name or its behavior could mislead."""
    named = any(part in name.lower() for part in ("pos", "embed", "quer", "token", "latent"))
    behaves = verdict["is"] in ("fixed values", "fixed length", "odd", "type", "axis")
    return "pos" in name.lower() or behaves or (named and verdict["is"] in ("not bound to a place", "not additive"))


def one_type(model_type: str) -> dict[str, Any]:
    """Give the truth about one model type."""
    out: dict[str, Any] = {"model_type": model_type, "held_out": held_out(model_type), "status": "ok"}
    out["class"] = build.model_class(model_type).__name__
    try:
        default = {n: list(p.shape) for n, p in build.candidates(build.meta_model(model_type)).items()}
    except Exception as e:  # the small model may still be built
        default, out["default_failed"] = {}, f"{type(e).__name__}: {' '.join(str(e).split())[:160]}"
    level = build.first_level(model_type)
    names = build.candidates(
        build.meta_model(model_type, build.from_dict(model_type, build.small_dict(model_type, level)))
    )
    out["level"] = build.LEVELS[level]
    if not names:
        return out | {"tables": {}, "not_tables": {}, "unresolved": {}}
    model = build.small_model(model_type, level=level)
    trainable = {n: p.requires_grad for n, p in model.named_parameters()}
    fixed = build.fixed_names(model, model_type, level)
    verdicts, errors = probe_model(model, fixed)
    if level < 2 and any(v["is"] == "unresolved" for v in verdicts.values()) and build.size(model_type, 2) < DEEPEST:
        deeper = build.small_model(model_type, level=2)
        again, more = probe_model(deeper, build.fixed_names(deeper, model_type, 2))
        if sum(v["is"] == "table" for v in again.values()) > sum(v["is"] == "table" for v in verdicts.values()):
            model, verdicts, errors, level = deeper, again, more, 2
    out["level"] = build.LEVELS[level]
    why = "the same values whatever the seed: computed, not learned"
    verdicts |= {n: {"is": "fixed values", "why": why} for n in fixed if n in build.candidates(model)}
    tables = [n for n, v in verdicts.items() if v["is"] == "table"]
    for name in tables:
        if not trainable.get(name, True):
            verdicts[name]["frozen"] = True
        verdicts[name] |= {
            "default_shape": default.get(name),
            "copies": sum(pattern(n) == pattern(name) for n in default),
        }
    details.add(model_type, level, model, {n: verdicts[n] for n in tables}, out)
    listed = [n for n, v in verdicts.items() if n in tables or look_alike(n, v)]
    keys = file_keys(model, listed) if listed else {}
    shapes = {n: list(t.shape) for n, t in build.candidates(model).items()}
    out["tables"], out["not_tables"], out["unresolved"] = {}, {}, {}
    for name, verdict in verdicts.items():
        key = keys.get(name) or f"?{name}"
        if name in tables:
            entry = {"parameter": name, "shape": shapes[name]} | {k: verdict[k] for k in KEPT if k in verdict}
            out["tables"][key] = entry
        elif verdict["is"] == "unresolved" or (verdict["is"] == "no effect" and "pos" in name.lower()):
            out["unresolved"][name] = {"shape": shapes[name], "why": verdict["why"]}
        elif keys.get(name):
            out["not_tables"][key] = {
                "parameter": name,
                "shape": shapes[name],
                "is": verdict["is"],
                "why": verdict["why"],
            }
    if out["unresolved"]:
        out["errors"] = {k: v[:12] for k, v in errors.items() if v}
    return out


def guarded(model_type: str, file: Path) -> None:
    """Run one model type in a process of its own, with a time limit, and write its JSON."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        if not file.exists():
            file.write_text(
                json.dumps({"model_type": model_type, "held_out": held_out(model_type), "status": "crashed"})
            )
        return

    def stop(*_: Any) -> None:
        raise _TooLong

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    start = time.time()
    try:
        result = one_type(model_type)
    except BaseException as e:
        result = {"model_type": model_type, "held_out": held_out(model_type), "status": "failed"}
        result["reason"] = f"{type(e).__name__}: {' '.join(str(e).split())[:240]}"
    result["seconds"] = round(time.time() - start, 1)
    file.write_text(json.dumps(result, indent=1))
    os._exit(0)


def gather(work: Path, target: Path) -> dict[str, Any]:
    """Join the JSON files of a work folder into one sorted file: a line a table."""
    records = {f.stem: json.loads(f.read_text()) for f in sorted(work.glob("*.json"))}
    lines = []
    for model_type, record in sorted(records.items()):
        head = {
            k: v
            for k, v in record.items()
            if k not in ("model_type", "seconds", "tables", "not_tables", "unresolved", "errors")
        }
        parts = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in head.items()]
        for group in ("tables", "not_tables", "unresolved"):
            if record.get(group):
                rows = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(record[group].items()))
                parts.append(f"{json.dumps(group)}: {{\n{rows}}}")
        lines.append(f" {json.dumps(model_type)}: {{" + ",\n   ".join(parts) + "}")
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return records


def main() -> None:
    """Parse the arguments, walk, gather, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "census")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--retry", action="store_true", help="do those anew that failed or crashed")
    parser.add_argument("--gather", action="store_true", help="only join what is there")
    parser.add_argument("--out", type=Path, default=HERE / "truth.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    only = [t for t in options.only.split(",") if t]
    for model_type in only:
        (options.work / f"{model_type}.json").unlink(missing_ok=True)
    for file in options.work.glob("*.json") if options.retry else ():
        if json.loads(file.read_text())["status"] != "ok":
            file.unlink()
    todo = [t for t in only or build.model_types() if not (options.work / f"{t}.json").exists()]
    if not options.gather:
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda t: guarded(t, options.work / f"{t}.json"), todo))
    records = gather(options.work, options.out)
    kinds: dict[str, int] = {}
    for record in records.values():
        kinds[record["status"]] = kinds.get(record["status"], 0) + 1
        for table in record.get("tables", {}).values():
            kinds[table["kind"]] = kinds.get(table["kind"], 0) + 1
    print(json.dumps(kinds))


if __name__ == "__main__":
    main()
