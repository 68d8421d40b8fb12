"""What a planner needs to know of each table: the fields that move it, and what happens past its end."""

import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from benchmarks.census import build
from benchmarks.census.inputs import DECODER_LENGTH, Inputs, Recipe, signature
from benchmarks.census.judge import Verdict
from benchmarks.census.resize import explain, token_values
from benchmarks.census.trace import row_map, scene

FIELD_SECONDS = 30
DIRECT = 1100
_HOPELESS = re.compile(
    r".*(layers|_layer|vocab|heads|dropout|token_index|intermediate|ffn|experts|beams|num_labels|bos_|eos_|_idx|seed|version).*"
)
_HOPEFUL = re.compile(r".*(pos|image|size|length|patch|grid|frame|ctx|max|window|len|num_).*")


def _moves(tree: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (field, greater value) for every whole number of a configuration, the likely ones first."""
    leaves = [(p, v) for p, v in build.walk_fields(tree) if not _HOPELESS.match(p.rsplit(".", 1)[-1])]
    for path, value in sorted(leaves, key=lambda leaf: not _HOPEFUL.match(leaf[0].rsplit(".", 1)[-1])):
        if isinstance(value, bool):
            continue
        if isinstance(value, int) and value >= 0:
            yield path, value * 2 if value > 1 else value + 1
        elif isinstance(value, list) and 0 < len(value) <= 4 and all(isinstance(v, int) and v > 0 for v in value):
            yield path, [v * 2 for v in value]


def fields(model_type: str, level: int, tables: dict[str, Verdict]) -> bool:
    """Find by trial which configuration fields move each table's row count; say whether all were tried."""
    tree = build.small_dict(model_type, level)

    def rows(changes: dict[str, Any]) -> dict[str, int | None]:
        changed = build.copied(tree)
        for path, value in changes.items():
            build.set_field(changed, path, value)
        arrays = build.arrays(build.meta_model(model_type, build.from_dict(model_type, changed)))
        return {
            n: int(np.prod([s for a, s in enumerate(arrays[n].shape) if a != v.get("channel_axis", 1)]))
            if n in arrays
            else None
            for n, v in tables.items()
        }

    before, start = rows({}), time.time()
    for verdict in tables.values():
        verdict |= {"fields": [], "fields_down": []}
    for path, value in _moves(tree):
        if time.time() - start > FIELD_SECONDS:
            return False
        try:
            after = rows({path: value})
        except Exception:
            continue
        for name, verdict in tables.items():
            old, new = before[name], after[name]
            if old is not None and new is not None and new != old:
                verdict["fields" if new > old else "fields_down"].append(path)
    return True


def _at_length(tower: nn.Module, recipe: Recipe, table: Tensor, length: int, stream: int) -> str | np.ndarray:
    """Read the rows at a length, or what the call raised."""
    size = (*recipe.size[:stream], length, *recipe.size[stream + 1 :])
    try:
        stage = scene(tower, recipe.make, size, ("top left",))
        found = row_map(stage, table)
    except Exception as e:  # what it raises is the answer
        return f"raises {type(e).__name__}: {' '.join(str(e).split())[:110]}"
    return found if isinstance(found, str) else found.rows


def past_the_end(model_type: str, level: int, model: PreTrainedModel, name: str, verdict: Verdict) -> None:
    """Run a sequence table at its full length and one past it; long tables are first made short by their field."""
    recipe, reserved = verdict["recipe"], verdict["reserved"]
    if verdict.get("tokens") not in (5, 7) or not isinstance(recipe.size[0], int):
        return
    if verdict["usable"] > DIRECT:
        for field in verdict.get("fields", []):
            try:
                model = build.small_model(model_type, level=level, changes={field: 64})
                build.randomize(model)
                break
            except Exception:
                continue
        else:
            return
    table = build.arrays(model)[name]
    tower = model.get_submodule(verdict["tower"])
    rows = int(np.prod([s for a, s in enumerate(table.shape) if a != verdict["channel_axis"]]))
    if rows - reserved > DIRECT or rows - reserved < 8:
        return
    of_text = recipe.make.__qualname__.startswith("text")
    stream = 1 if of_text and verdict["tokens"] == DECODER_LENGTH else 0
    outcome: str | np.ndarray = ""
    for lost in range(4):
        outcome = _at_length(tower, recipe, table, rows - reserved - lost, stream)
        if isinstance(outcome, np.ndarray):
            verdict["usable"] -= lost
            break
    else:
        verdict["full_length"] = outcome
        return
    last = rows - reserved - lost
    if not np.array_equal(outcome, np.arange(reserved, reserved + last)):
        verdict["full_length"] = f"rows end {outcome[-4:].tolist()} of {rows}"
    beyond = _at_length(tower, recipe, table, last + 1, stream)
    if isinstance(beyond, str):
        verdict["past_the_end"] = beyond if beyond.startswith("raises") else f"runs: {beyond}"
    elif len(beyond) != last + 1:
        verdict["past_the_end"] = f"runs on {len(beyond)} tokens"
    else:
        row = float(beyond[-1])
        verdict["past_the_end"] = (
            f"clamps to row {row:g}" if row == beyond[-2] else f"runs, reads row {row:g} of {rows}"
        )


def other_size(tower: nn.Module, table: Tensor, verdict: Verdict) -> None:
    """Run a grid's tower on a larger image and name the resize that explains what every token gets."""
    recipe: Recipe = verdict["recipe"]
    with_flag = "interpolate_pos_encoding" in signature(tower)

    def make(variant: str, size: Any) -> Inputs:
        return recipe.make(variant, size) | ({"interpolate_pos_encoding": True} if with_flag else {})

    first, second, *rest = recipe.size
    height, width = verdict["grid"][-2:]
    if "image" in recipe.note:
        steps = (second[0] // height, second[1] // width)
        greater = (height + 6, width + 6)
        size: Any = (first, (greater[0] * steps[0], greater[1] * steps[1]), *rest)
    else:
        greater = (first[0] + 6, first[1] + 4)
        size = (greater, second, *rest)
    try:
        stage = scene(tower, make, size, ("top left",))
    except Exception as e:  # what it raises is the answer
        verdict["other_size"] = f"raises {type(e).__name__}: {' '.join(str(e).split())[:110]}"
        return
    verdict["other_size"] = "runs" + (" with interpolate_pos_encoding" if with_flag else "")
    channel = verdict["channel_axis"]
    shape = [s if a != channel else 1 for a, s in enumerate(table.shape)]
    values = torch.randn(shape, generator=torch.Generator().manual_seed(11))
    gained = token_values(stage, table, values.expand_as(table).contiguous())
    if gained is None:
        return
    plane = values.flatten()[verdict["prefix"] : verdict["prefix"] + height * width].reshape(1, 1, height, width)
    if verdict["suffix"]:
        gained = gained[: len(gained) - verdict["suffix"]]
    name, error, _ = explain(plane, gained, [greater])
    if error < 0.01:
        verdict["resize"] = name
    else:
        verdict.setdefault("resize", f"none of torch's (nearest: {name}, {error:.2g})")


def add(model_type: str, level: int, model: PreTrainedModel, tables: dict[str, Verdict], out: dict[str, Any]) -> None:
    """Add the details to every verdict."""
    if not tables:
        return
    out["fields_complete"] = fields(model_type, level, tables)
    for name, verdict in tables.items():
        try:
            if verdict["kind"] == "sequence":
                past_the_end(model_type, level, model, name, verdict)
            elif verdict["kind"] == "grid" and verdict["recipe"].kind == "image" and len(verdict.get("grid", ())) == 2:
                other_size(model.get_submodule(verdict["tower"]), build.arrays(model)[name], verdict)
        except Exception as e:  # details are extra
            verdict["why"] = f"details failed: {type(e).__name__}: {str(e)[:100]}"
