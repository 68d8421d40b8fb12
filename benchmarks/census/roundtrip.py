"""Extend a small model of every architecture, load it again with Transformers, and run it at the new size.

Run: python -m benchmarks.census.roundtrip [--only bert,vit] [--held-out include|only|exclude] [--sample N] [--jobs 2]
[--quick]

A model passes if `from_pretrained` takes the extended directory with no key missing, unexpected or mismatched, its
outputs at the old length are those of the original (methods that keep every row), and it runs at the new size: the
part that holds the table, and the whole model where the original can be called as a whole.

The last column is what a user gets. "loads and runs"; "loads", where no way to call it was found; "refused", by the
plan, with the reason; "stopped", by `check`, before anything is put in place; "not checked"; and "does not run", which
must stay empty: a copy that was written and fails. Architectures whose small model cannot be built, that crash the
process or that take longer than the limit are listed apart.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from transformers import PreTrainedModel

from benchmarks.census import build, inputs
from benchmarks.census.probe import towers
from benchmarks.census.split import held_out
from benchmarks.census.whole import checked, run_whole
from posembed import ExtensionPlan, FoundTable, extend_checkpoint, find_tables, plan_extension
from posembed.errors import PosembedError

SECONDS = 900  # the largest small models (SAM 3, Qwen Omni) take minutes on one core
LONGEST = 1200  # tokens that a forward pass is tried with
DOUBLED = 4096  # a table that would become longer than this grows by STEP instead: attention takes memory by the square
STEP = 1024  # a multiple of every block and window of the models that have one
TOGETHER = 8192  # of tables beyond this one is extended at a time: a decoder would see as much of its encoder
MORE_SIDES = (8, 2, 1, 3, 4, 5, 6, 7, 10, 12, 14, 16, 18, 20, 24, 28)  # patches a side; the first that a plan accepts
MOST_PIXELS = 1100  # a side; larger images are not tried


def outputs(model: PreTrainedModel, recipe: inputs.Recipe, size: Any) -> list[Tensor]:
    """The tensors that a call gives."""
    torch.manual_seed(0)
    with torch.no_grad():
        output = model(**recipe.make("base", size))
    values = output if isinstance(output, tuple) else list(output.values())
    return [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]


def working(model: PreTrainedModel, kind: str) -> inputs.Recipe | None:
    """The first way to call a model with this kind of input that works."""
    for recipe in inputs.recipes(model):
        if recipe.kind != kind:
            continue
        try:
            if outputs(model, recipe, recipe.size):
                return recipe
        except Exception:
            continue
    return None


def tower(model: PreTrainedModel, table: Tensor, kind: str) -> tuple[str, inputs.Recipe] | None:
    """The innermost part of a model that holds a table and can be called, with a way to call it."""
    for name, parameter in model.named_parameters():
        if parameter.shape == table.shape and torch.equal(parameter, table):
            for path, part in towers(model, name):
                recipe = working(part, kind)
                if recipe is not None:
                    return path, recipe
    return None


def loaded(model: PreTrainedModel, directory: Path) -> PreTrainedModel:
    """The model that Transformers makes of a directory; anything missing or left over is an error."""
    new, info = type(model).from_pretrained(directory, output_loading_info=True, attn_implementation="eager")
    wrong = {name: sorted(map(str, keys))[:3] for name, keys in info.items() if keys and name != "error_msgs"}
    if wrong:
        raise RuntimeError(f"loading says {wrong}")
    return new.eval()


class TookTooLongError(BaseException):
    """The time limit of one architecture has passed. No `except Exception` may take it for a failure of the copy."""


class StoppedError(Exception):
    """The check that `extend` makes by default says that the copy does not load."""


def require_checked(plan: ExtensionPlan, out: Path) -> str:
    """Stop where `extend` would not have put the copy in place; where `check="run"` finds a fault besides, fail.

    Returns:
        What `check="run"` found, in words.
    """
    result = checked(plan, out, run=True)
    if result.outcome == "does not load":
        raise StoppedError(result.sentence)
    if result.failed:
        raise RuntimeError(result.sentence)
    return f"{result.outcome}: {result.reason}"


def accepted(source: Path, candidates: list[dict[str, Any]]) -> dict[str, Any]:
    """The first options whose plan nothing blocks; the first of all if each is blocked, for its reason."""
    for options in candidates:
        try:
            if not plan_extension(source, **options).blocked:
                return options
        except PosembedError:
            continue
    return candidates[0]


def longer(usable: int) -> int:
    """The length to which a sequence table is extended."""
    return 2 * usable if 2 * usable <= DOUBLED else usable + STEP


def stored(directory: Path, table: FoundTable) -> Tensor:
    """A table's values in a saved model."""
    file = next(file for file in sorted(directory.glob("*.safetensors")) if file.name == table.file.name)
    with safe_open(file, "pt") as handle:
        return handle.get_tensor(table.key)


def sequences(model: PreTrainedModel, source: Path, out: Path, tables: list[FoundTable], *, quick: bool) -> str:
    """Double the sequence tables, or make long ones longer by a step."""
    longest = max(table.usable_length for table in tables)
    if quick and longest > TOGETHER:
        outcomes = []
        for number, table in enumerate(tables):
            options = {"length": longer(table.usable_length), "tables": [table.key], "method": "tile"}
            one = out.with_name(f"{out.name}{number}")
            outcomes.append(require_checked(extend_checkpoint(source, one, **options, check="off"), one))
        return min(outcomes, key=lambda said: STATUSES.index(status_of(said)))
    length = longer(longest)
    plan = extend_checkpoint(source, out, length, method="tile", check="off")
    found_out = require_checked(plan, out)
    if quick:
        return found_out
    new = loaded(model, out)
    said = set()
    for table in tables:
        found = tower(model, stored(source, table), "text")
        if found is None:
            said.add("no way to run it was found")
            continue
        path, recipe = found
        old_part, new_part = model.get_submodule(path), new.get_submodule(path)
        for before, after in zip(
            outputs(old_part, recipe, recipe.size), outputs(new_part, recipe, recipe.size), strict=True
        ):
            if not torch.allclose(before, after, rtol=0, atol=1e-6, equal_nan=True):
                raise RuntimeError(f"outputs at the old length differ by {float((before - after).abs().max()):.2g}")
        if table.usable_length >= LONGEST or not recipe.make.__qualname__.startswith("text"):
            said.add("same outputs; not run at full length")
            continue
        longest = min(length, LONGEST)
        if "decoder_input_ids" not in recipe.make("base", recipe.size):
            size = (longest, longest)
        else:
            size = (recipe.size[0], longest) if "decoder" in table.key else (longest, recipe.size[1])
        outputs(new_part, recipe, size)
        said.add(f"same outputs, runs at {longest}")
        if path:
            said.add(run_whole(model, new, "text", size, working))
    return "; ".join(sorted(said))


def grids(model: PreTrainedModel, source: Path, out: Path, tables: list[FoundTable], *, quick: bool) -> str:
    """Make the image grids larger by eight patches each way."""
    patches = [rule.amount for table in tables for rule in table.fields if rule.unit == "pixels"]
    first = tables[0].layout.grid
    assert first is not None
    candidates: list[dict[str, Any]] = []
    for more in MORE_SIDES:
        options: dict[str, Any] = {"grid": (first[0] + more, first[1] + more)}
        if len(patches) == len(tables):
            step = math.lcm(*(side for patch in patches for side in patch))
            sides = [(side + more) * patch for side, patch in zip(first, patches[0], strict=True)]
            steps = [-(-side // step) for side in sides]
            options = {"image_size": (steps[0] * step, steps[1] * step)}
            if more > 2 and max(sides) > MOST_PIXELS:
                continue
        candidates.append(options)
    options = accepted(source, candidates)
    plan = extend_checkpoint(source, out, **options, check="off")
    found_out = require_checked(plan, out)
    if quick:
        return found_out
    new = loaded(model, out)
    said = set()
    for change in plan.tables:
        if tower(model, stored(source, change.table), "image") is None:
            said.add("no way to run it was found")
            continue
        found = tower(new, stored(out, change.table), "image")
        if found is None:
            raise RuntimeError("the original runs on images, the extended model does not")
        said.add(f"runs at {found[1].size[1]}")
        if found[0]:
            said.add(run_whole(model, new, "image", None, working))
    return "; ".join(sorted(said))


def by_name(_: PreTrainedModel, source: Path, out: Path, tables: list[FoundTable], *, quick: bool) -> str:
    """Extend the tables of one kind that changes only where a table is named: coordinates, frames, time steps."""
    del quick
    longest, keys = max(table.usable_length for table in tables), [table.key for table in tables]
    lengths = (longer(longest), 2 * longest - 1, 2 * longest)  # twice the frames, with a row before them
    options = accepted(source, [{"length": length, "tables": keys, "method": "tile"} for length in lengths])
    return require_checked(extend_checkpoint(source, out, **options, check="off"), out)


def one_type(model_type: str, *, quick: bool = False) -> dict[str, Any]:
    """The outcome for one architecture."""
    torch.set_num_threads(1)
    result: dict[str, Any] = {"model_type": model_type, "held_out": held_out(model_type)}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        model = build.save_small(model_type, source)
        tables = [table for table in find_tables(source) if table.refused is None]
        if not tables:
            reasons = {table.refused for table in find_tables(source) if table.kind is not None and table.refused}
            return result | {"status": "no table", "reason": "; ".join(sorted(reasons))}
        for kind, work in (("sequence", sequences), ("grid", grids), ("axis", by_name), ("time", by_name)):
            chosen = [table for table in tables if table.kind == kind and table.unused is None]
            named = kind in ("axis", "time")
            if not chosen or (
                named and any(other.kind in ("sequence", "grid") and other.unused is None for other in tables)
            ):
                continue
            try:
                result[kind] = work(model, source, Path(folder) / kind, chosen, quick=quick)
            except StoppedError as error:
                result[kind] = f"stopped: {error}"
            except PosembedError as error:
                result[kind] = f"refused: {error}"
            except Exception as error:  # the failure is the result
                result[kind] = f"FAILED {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    said = [result[kind] for kind in ("sequence", "grid", "axis", "time") if kind in result]
    if not said:
        return result | {"status": "no table"}
    result["status"] = min((status_of(each) for each in said), key=STATUSES.index)
    return result


STATUSES = ("does not run", "stopped", "refused", "not checked", "loads", "loads and runs")
"""The worst first: an architecture with several kinds of tables has the worst of theirs."""


def status_of(said: str) -> str:
    """What happened to one kind of tables, in one word of the last column."""
    if said.startswith("FAILED"):
        return "does not run"
    if said.startswith(("stopped", "refused")):
        return said.partition(":")[0]
    ran = said.startswith("loads and runs") or "runs at" in said or "whole at" in said
    return "loads and runs" if ran else "not checked" if said.startswith("not checked") else "loads"


def guarded(model_type: str, file: Path, *, quick: bool = False) -> None:
    """One architecture in a process of its own, with a time limit."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        if not file.exists():
            file.write_text(json.dumps({"model_type": model_type, "status": "crashed"}))
        return

    def stop(*_: Any) -> None:
        raise TookTooLongError(f"longer than {SECONDS} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        result = one_type(model_type, quick=quick)
    except TookTooLongError as error:
        result = {"model_type": model_type, "status": "took too long", "reason": str(error)}
    except BaseException as error:
        result = {
            "model_type": model_type,
            "status": "not built",
            "reason": f"{type(error).__name__}: {str(error)[:200]}",
        }
    file.write_text(json.dumps(result, indent=1))
    os._exit(0)


def sample(types: list[str], count: int) -> list[str]:
    """Choose architectures whose behavior shows a table (`truth.json`)."""
    truth = json.loads((Path(__file__).parent / "truth.json").read_text())
    tabled = [t for t in types if truth.get(t, {}).get("tables")]
    return sorted(tabled, key=lambda t: sha256(f"sample:{t}".encode()).hexdigest())[:count]


def main() -> None:
    """Walk the architectures and print every one that did not pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "roundtrip")
    parser.add_argument("--only", default="")
    parser.add_argument("--held-out", choices=("include", "only", "exclude"), default="include")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--sample", type=int, help="so many of the architectures with a table, by a hash of their names"
    )
    parser.add_argument("--quick", action="store_true", help='only what `check="run"` finds, no search by behavior')
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    only = [name for name in options.only.split(",") if name]
    for model_type in only:
        (options.work / f"{model_type}.json").unlink(missing_ok=True)
    types = only or [
        t for t in build.model_types() if options.held_out == "include" or held_out(t) == (options.held_out == "only")
    ]
    if options.sample is not None:
        types = sample(types, options.sample)
    todo = [t for t in types if not (options.work / f"{t}.json").exists()]
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda t: guarded(t, options.work / f"{t}.json", quick=options.quick), todo))
    counts: dict[str, int] = {}
    for model_type in types:
        result = json.loads((options.work / f"{model_type}.json").read_text())
        counts[result["status"]] = counts.get(result["status"], 0) + 1
        if result["status"] != "loads and runs":
            print(json.dumps(result))
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
