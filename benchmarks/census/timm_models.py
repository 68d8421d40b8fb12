"""Score `find_in` on every model of the installed `timm`, by names, shapes and configuration alone.

Run: python -m benchmarks.census.timm_models [--only vision_transformer,deit]

The truth owes nothing to posembed. Which parameters are learned absolute tables, and along which axes, is read from
behavior: the smallest model of each timm module and parameter name is built for real, its parameters are shifted and
the corners of its image changed, and the row that each place reads is traced. That verdict holds for all models of the
module; their grids come from their own attributes (`patch_embed.grid_size` and the like), and the rows before the grid
are what is left. A line is printed for each parameter that was traced, and says where attributes disagree.

Each model is scored three times: with the config.json that timm writes for the hub, with the same without `model_args`
(as most published files are, written by older versions), and as a bare state dict.
The smallest model of each module is scored so once more for images that are not square ("oblong").
Tables along one coordinate and tables in blocks may be refused; to call them a grid is a wrong layout.
Misses of the fifth of the modules that is set aside are marked with a star.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.census.split import held_out
from benchmarks.census.timm_trace import Behavior, Grid, attribute_grid, candidates, trace
from posembed.checkpoint.tensors import StoredTensor
from posembed.find.found import FoundTable
from posembed.find.search import find_in

COUNTS = ("tables", "found", "missed", "false", "wrong layout", "uncertain", "refused")
TABLES = ("grid", "blocks", "axis")
Kind = tuple[str, str, int]  # timm module, key with its numbers left open, number of axes


@dataclass(frozen=True, slots=True)
class Model:
    """One timm model without weights; ``grids`` holds what attributes say, for each parameter that may be a table."""

    name: str
    module: str
    size: int
    image: tuple[int, int, int]
    shapes: dict[str, tuple[int, ...]]
    config: dict[str, Any]
    grids: dict[str, Grid | None]

    def kind(self, key: str) -> Kind:
        """What one of its parameters shares with those of other models."""
        return self.module, re.sub(r"\d+", "N", key), len(self.shapes[key])


def module_of(timm: Any, name: str) -> str:
    """The timm module that defines a model."""
    return str(timm.models.model_entrypoint(name).__module__.rpartition(".")[-1])


def look(timm: Any, name: str, **options: Any) -> Model:
    """Build a model on the meta device; note its names, shapes and the configuration that timm saves with it."""
    with torch.device("meta"):
        built = timm.create_model(name, **options)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config.json")
        timm.models.save_for_hf.__globals__["save_config_for_hf"](built, str(file))  # it has no public name
        config = json.loads(file.read_text())
    shapes = {key: tuple(value.shape) for key, value in built.state_dict().items()}
    size = sum(value.numel() for value in built.parameters())
    grids = {key: attribute_grid(owner, key) for key, _, owner in candidates(built) if key in shapes}
    return Model(name, module_of(timm, name), size, built.pretrained_cfg["input_size"], shapes, config, grids)


def traced(timm: Any, models: list[Model]) -> dict[Kind, Behavior]:
    """Trace each kind of parameter on its smallest model, and print what shows."""
    smallest: dict[Kind, tuple[Model, str]] = {}
    for model in sorted(models, key=lambda one: one.size):
        for key in model.grids:
            smallest.setdefault(model.kind(key), (model, key))
    work: dict[str, tuple[Model, set[str]]] = {}
    for model, key in smallest.values():
        work.setdefault(model.name, (model, set()))[1].add(key)
    out: dict[Kind, Behavior] = {}
    for name, (model, keys) in sorted(work.items()):
        torch.manual_seed(0)
        for key, seen in trace(timm.create_model(name).eval(), model.image, keys).items():
            out[model.kind(key)] = seen
            shape, said = model.shapes[key], model.grids[key]
            differs = seen.kind == "grid" and len(shape) < 4 and said != seen.grid
            attributes = f", BUT attributes say {said}" if differs else ""
            print(f"trace {model.module}, {name}: {key} {list(shape)}: {seen}{attributes}")
    return out


def oblong(timm: Any, models: list[Model], truth: dict[Kind, Behavior]) -> list[Model]:
    """The smallest model of each module that has tables, for images that are no squares, where it can be built so."""
    smallest: dict[str, Model] = {}
    for model in sorted(models, key=lambda one: one.size):
        if any(truth[model.kind(key)].kind == "grid" for key in model.grids):
            smallest.setdefault(model.module, model)
    built = []
    for model in smallest.values():
        side = model.image[1]
        for size in ((side, side // 2), (side // 2, side), (side // 2, side * 2)):
            with contextlib.suppress(Exception):  # many modules are for squares, or for any image, only
                made = look(timm, model.name, img_size=size)
                if made.shapes != model.shapes or made.grids != model.grids:
                    built.append(replace(made, name=f"{model.name} for {size[0]} × {size[1]}"))
    return built


def mistake(found: FoundTable, shape: tuple[int, ...], truth: Behavior, said: Grid | None) -> str:
    """What is wrong with the layout of a found table; empty if nothing is."""
    if truth.kind != "grid":
        return f"{found.kind} {found.stored.name} {found.layout.grid} for {truth.kind}" if found.layout.grid else ""
    grid, memory = said or truth.grid or (0, 0), "rows" if len(shape) == 2 else "1,rows"
    if len(shape) == 4:
        first = truth.channel_axis == 1
        grid, memory = (shape[2], shape[3]) if first else (shape[1], shape[2]), "1,d,H,W" if first else "1,H,W"
    layout = found.layout
    if layout.grid != grid:
        return f"{found.kind} {layout.grid} with prefix {layout.prefix} for the grid {grid}"
    prefix = layout.rows - grid[0] * grid[1]
    if (layout.prefix, layout.suffix, layout.reserved) != (prefix, 0, 0):
        return f"prefix {layout.prefix}, suffix {layout.suffix} for prefix {prefix}"
    return "" if found.stored.name == memory else f"stored as {found.stored.name} for {memory}"


def compare(
    model: Model, truth: dict[Kind, Behavior], config: dict[str, Any], count: Counter[str], fields: Counter[str]
) -> list[tuple[str, str, str]]:
    """Count the hits of one model; its mistakes as (verdict, key, why)."""
    tensors = {key: StoredTensor(key, shape, "F32", Path("model")) for key, shape in model.shapes.items()}
    found = {table.key: table for table in find_in(tensors, config)}
    wrong = []
    for key, shape in model.shapes.items():
        seen = truth[model.kind(key)] if key in model.grids else Behavior("no candidate")
        table = found.get(key)
        said = table is not None and table.refused is None
        if seen.kind not in TABLES:
            if table is not None and said:
                count["false"] += 1
                wrong.append(("false", key, f"said to be {table.kind} {table.stored.name}; behavior: {seen.kind}"))
            continue
        count["tables"] += 1
        if table is None or table.refused is not None:
            allowed = table is not None and seen.kind != "grid"
            count["refused" if allowed else "missed"] += 1
            wrong += [] if allowed else [("missed", key, str(table.refused) if table is not None else "not looked at")]
            continue
        count["found"] += 1
        count["uncertain"] += table.uncertain
        fields[" ".join(rule.name for rule in table.fields) or "none"] += 1
        why = mistake(table, shape, seen, model.grids[key])
        count["wrong layout"] += bool(why)
        wrong += [("layout", key, why)] if why else []
        wrong += [("uncertain", key, "right" if not why else "wrong")] if table.uncertain else []
    return wrong


def score(label: str, models: list[Model], truth: dict[Kind, Behavior]) -> None:
    """Print figures for every kind of configuration, studied and held out, and every pattern of mistakes."""
    for name in ("hub configuration", "without model_args", "bare state dict"):
        totals: dict[str, Counter[str]] = {"studied": Counter(), "held out": Counter()}
        fields: Counter[str] = Counter()
        groups: dict[tuple[str, ...], list[str]] = {}
        for model in models:
            aside = held_out(f"timm:{model.module}")
            kept = {} if name == "bare state dict" else model.config
            config = {k: value for k, value in kept.items() if name == "hub configuration" or k != "model_args"}
            for verdict, key, why in compare(model, truth, config, totals["held out" if aside else "studied"], fields):
                group = (verdict, "*" if aside else " ", *model.kind(key)[:2], re.sub(r"\d+", "N", why))
                groups.setdefault(group, []).append(f"{model.name} {key} {list(model.shapes[key])}: {why}")
        print(f"\n{label}{name}")
        for (verdict, star, module, *_), examples in sorted(groups.items()):
            print(f"{verdict:9s} {star} {module} ×{len(examples)}: {examples[0]}")
        print("fields that follow:", dict(fields))
        for part, count in totals.items():
            recall, precision = (count["found"] / max(1, count["found"] + count[n]) for n in ("missed", "false"))
            counts = ", ".join(f"{n} {count[n]}" for n in COUNTS)
            print(f"{label}{name}, {part}: recall {recall:.4f}, precision {precision:.4f}; {counts}")


def main() -> int:
    """Walk, trace, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="timm modules, with commas between")
    options = parser.parse_args()
    try:
        import timm
    except Exception as error:  # a broken torchvision raises whatever it likes
        print(f"timm cannot be imported ({error}): install timm and torchvision to run this census.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    only = set(filter(None, options.only.split(",")))
    names = [name for name in timm.list_models() if not only or module_of(timm, name) in only]
    models = [look(timm, name) for name in names]
    truth = traced(timm, models)
    score("", models, truth)
    score("oblong, ", oblong(timm, models, truth), truth)
    print(f"{len(models)} models of timm {timm.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
