"""Find by behavior, tower by tower, which arrays of a model are learned absolute position tables."""

import math
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn
from transformers import PreTrainedModel

from benchmarks.census import build
from benchmarks.census.inputs import CORNERS, LATE, Recipe, recipes
from benchmarks.census.judge import Verdict, judge
from benchmarks.census.trace import Scene, scene


def towers(model: PreTrainedModel, name: str) -> Iterator[tuple[str, PreTrainedModel]]:
    """Yield the models that enclose an array, the innermost first."""
    parts = name.split(".")[:-1]
    for end in range(len(parts), -1, -1):
        module = model.get_submodule(".".join(parts[:end]))
        if isinstance(module, PreTrainedModel) and type(module).forward is not nn.Module.forward:
            yield ".".join(parts[:end]), module


PATIENCE = 60
"""Seconds for which ways to call one tower are tried."""


def places(recipe: Recipe) -> tuple[str, ...]:
    """Name the places whose content is changed: the last token, three corners, and those of a film in time too."""
    if recipe.kind == "text":
        return ("top left",)
    film = recipe.kind == "image" and isinstance(recipe.size[0], tuple) and len(recipe.size[0]) > 2
    return (*CORNERS, LATE) if film else CORNERS


def first_scene(tower: nn.Module) -> Iterator[tuple[Recipe, Scene] | str]:
    """Yield a scene for each kind of input a tower takes, and for those that fail why."""
    done: set[str] = set()
    start = time.time()
    for recipe in recipes(tower):
        kind = f"{recipe.kind} with text" if recipe.kind == "image" and recipe.longer else recipe.kind
        if kind in done or time.time() - start > PATIENCE:
            continue
        try:
            stage = scene(tower, recipe.make, recipe.size, places(recipe))
        except Exception as e:  # whatever a model raises, the next recipe may do
            yield f"{kind}: {type(e).__name__}: {str(e)[:160]}"
            continue
        if any(d is not None for d in stage.content):
            done.add(kind)
            yield recipe, stage


def native_sizes(recipe: Recipe, names: dict[str, Tensor]) -> dict[str, list[Any]]:
    """Guess for each array the image sizes at which a square grid of its rows would need no resize."""
    if "image" not in recipe.note or recipe.longer:
        return {}
    out: dict[str, list[Any]] = {}
    for name, table in names.items():
        totals = {
            int(np.prod([s for a, s in enumerate(table.shape) if a != c]))
            for c in range(table.ndim)
            if table.shape[c] > 1
        }
        sides = {
            math.isqrt(t - p) for t in totals for p in (0, 1, 2, 5, 8) if t - p > 8 and math.isqrt(t - p) ** 2 == t - p
        }
        sizes = [(s * recipe.note["patch"],) * 2 for s in sorted(sides) if 32 < s * recipe.note["patch"] <= 1100]
        out[name] = [(recipe.size[0], size, *recipe.size[2:]) for size in sizes]
    return out


def judge_natively(tower: nn.Module, recipe: Recipe, sizes: list[Any], table: Tensor) -> Verdict | None:
    """Judge a table again at image sizes that its rows suggest."""
    for size in sizes:
        again = replace(recipe, size=size, note=recipe.note | {"image": size[1]})
        try:
            stage = scene(tower, again.make, size, CORNERS)
            verdict = judge(again, stage, table, None, lambda _, stage=stage: stage)
        except Exception:
            continue
        if verdict["is"] == "table":
            return verdict | {"recipe": again}
    return None


def probe_tower(tower: PreTrainedModel, names: dict[str, Tensor]) -> tuple[dict[str, Verdict], list[str]]:
    """Judge the arrays of one tower; those without a verdict are left out, with why the calls failed."""
    verdicts: dict[str, Verdict] = {}
    errors: list[str] = []
    for item in first_scene(tower):
        if isinstance(item, str):
            errors.append(item)
            continue
        recipe, stage = item
        cache: dict[Any, Scene] = {}

        def longer(count: int, recipe: Recipe = recipe, cache: dict[Any, Scene] = cache) -> Scene:
            size = recipe.longer if count < 30 else (count + 3, *recipe.longer[1:])
            if size not in cache:
                cache[size] = scene(tower, recipe.make, size, ("top left",))
            return cache[size]

        swapped = None
        if recipe.longer is not None:
            exchange = {"base": "content", "content": "base"}
            swapped = scene(tower, lambda v, s, r=recipe, e=exchange: r.make(e.get(v, v), s), recipe.size, ())
            swapped.places = stage.places
        retry = native_sizes(recipe, names) if recipe.kind == "image" else {}
        for name, table in names.items():
            if verdicts.get(name, {}).get("is") == "table":
                continue
            try:
                verdict = judge(recipe, stage, table, swapped, longer) | {"recipe": recipe}
            except Exception as e:  # a table that cannot be judged is no reason to lose the others
                errors.append(f"{name}: {type(e).__name__}: {str(e)[:160]}")
                continue
            if verdict["is"] == "not additive" and name in retry:
                better = judge_natively(tower, recipe, retry[name], table)
                verdict = better | {"recipe": better["recipe"]} if better else verdict
            if verdict["is"] == "table" or verdicts.get(name, {}).get("is", "no effect") == "no effect":
                verdicts[name] = verdict
    return verdicts, errors


def probe_model(model: PreTrainedModel, fixed: Collection[str] = ()) -> tuple[dict[str, Verdict], dict[str, list[str]]]:
    """Judge every candidate of a model in the smallest tower that shows its effect."""
    build.randomize(model)
    found = {n: t for n, t in build.candidates(model).items() if t.numel() < 50_000_000 and n not in fixed}
    inputs: set[int] = set()
    for _, module in model.named_modules():
        if isinstance(module, PreTrainedModel):
            try:
                inputs |= {id(p) for p in module.get_input_embeddings().parameters() if p.shape[0] >= 250}
            except Exception:
                continue
    pending = {n: list(towers(model, n)) for n, t in found.items() if id(t) not in inputs}
    verdicts: dict[str, Verdict] = {}
    errors: dict[str, list[str]] = {}
    tried: set[str] = set()
    for depth in range(6):
        groups: dict[str, list[str]] = {}
        for name, chain in pending.items():
            if depth < len(chain) and verdicts.get(name, {}).get("is", "no effect") == "no effect":
                groups.setdefault(chain[depth][0], []).append(name)
        for tower_name, names in groups.items():
            tower = dict(pending[names[0]])[tower_name]
            tried.add(tower_name)
            made, failed = probe_tower(tower, {n: found[n] for n in names})
            for name, verdict in made.items():
                if verdicts.get(name, {}).get("is", "no effect") == "no effect":
                    verdicts[name] = verdict | {"tower": tower_name}
            if not made:
                errors.setdefault(tower_name, []).extend(failed)
            else:
                errors.setdefault(tower_name, []).extend(e for e in failed if ":" in e and e.split(":")[0] in names)
    for name in pending:
        verdicts.setdefault(name, {"is": "unresolved", "why": "no call of its tower ran"})
    return verdicts, errors
