"""The public names of ``import posembed``: what they accept, and what those of plain arrays and files give."""

from __future__ import annotations

import dataclasses
import inspect
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.golden.digest import sha256
from benchmarks.golden.execution import MADE, Call, Check
from benchmarks.golden.inputs.files import sinusoid, smooth_rows
from benchmarks.golden.scenarios.inspecting import FILES, MODELS


def public() -> list[Check | Call]:
    """Names and signatures, tables found and plans, arrays made longer, measures, presets."""
    made: list[Check | Call] = [
        Check("public-names", _names),
        Check("public-signatures", _signatures),
        Check("public-presets", _presets),
        Check("public-layouts", _layouts),
        Check("public-extend-checkpoint", _extend_checkpoint),
        Check("public-evaluate", _evaluate),
    ]
    made += [Check(f"find-tables-{source}", partial(_found, source)) for source in MODELS + FILES]
    made += [Check(f"plan-{name}", partial(_plan, *call)) for name, call in _PLANS.items()]
    made += [Check(f"extend-table-{name}", partial(_extended, *call)) for name, call in _TABLES.items()]
    made += [Check(f"analyze-table-{name}", partial(_analysis, name)) for name in _ARRAYS]
    return made


def _names() -> Any:
    import posembed

    return {"all": list(posembed.__all__), "dir": [n for n in dir(posembed) if n in posembed.__all__]}


def _signatures() -> dict[str, Any]:
    import posembed

    found: dict[str, Any] = {}
    for name in posembed.__all__:
        value = getattr(posembed, name)
        if not callable(value):
            continue
        found[name] = {"parameters": _parameters(value)}
        if inspect.isclass(value):
            members = sorted(n for n in dir(value) if not n.startswith("_") and not _of_torch(value, n))
            methods = {n: _parameters(getattr(value, n)) for n in members if callable(getattr(value, n))}
            found[name] |= {"members": members, "methods": methods}
    return found


def _of_torch(cls: type, name: str) -> bool:
    return next((c.__module__.startswith("torch") for c in cls.__mro__ if name in c.__dict__), False)


def _parameters(value: Any) -> dict[str, str] | str:
    """The names that may be given, with their defaults; those that only a place tells are marked."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "none that can be read"
    marks = {"POSITIONAL_ONLY": "by place only ", "VAR_KEYWORD": "**", "VAR_POSITIONAL": "*"}
    return {name: marks.get(p.kind.name, "") + _default(p) for name, p in signature.parameters.items()}


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return "required"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(parameter.default))  # no address of an object


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _presets() -> Any:
    import posembed

    return {name: [_plain(posembed.preset(name)), posembed.preset(name).parameters] for name in posembed.PRESETS}


def _layouts() -> Any:
    import posembed

    given: list[dict[str, Any]] = [
        {"length": 10, "reserved": 2, "prefix": 1, "suffix": 3},
        {"grid": (3, 4), "prefix": 2},
    ]
    made = [posembed.TableLayout(**each) for each in given]
    return [[repr(m), m.positions, m.usable_length, m.rows, str(m.position_rows)] for m in made]


def _found(source: str) -> Any:
    import posembed

    return [table.to_dict() for table in posembed.find_tables(source)]


_PLANS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("bert", {"length": 128}),
    "roberta-linear": ("roberta", {"length": 128, "method": "linear"}),
    "roberta-stretch": ("roberta", {"length": 128, "method": "stretch", "keep": 8}),
    "clip": ("clip", {"length": 100}),
    "clip-pixels": ("clip", {"image_size": 128}),
    "vit": ("vit", {"grid": (6, 5), "antialias": True, "method": "bicubic"}),
    "sam": ("sam", {"image_size": (128, 128)}),
    "bart-sharded": ("bart-sharded", {"length": 128}),
    "one-table": ("bart", {"length": 128, "tables": ["encoder.embed_positions.weight"]}),
    "led": ("led", {"length": 66}),
    "wrong-method": ("bert", {"length": 128, "method": "lineer"}),
    "too-short": ("bert", {"length": 12}),
    "nothing-asked": ("bert", {}),
}


def _plan(source: str, settings: dict[str, Any]) -> Any:
    import posembed

    return posembed.plan_extension(source, **settings).to_dict()


def _extend_checkpoint() -> Any:
    import posembed

    said = posembed.Override("encoder.my_rows", reserved=2)
    out = MADE / "public-extend-checkpoint.safetensors"
    told: list[tuple[int, int]] = []
    plan = posembed.extend_checkpoint(
        Path("own.safetensors"), out, 200, override=said, tables=[said.key], verify="full",
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    return [plan.to_dict(), told]


def _evaluate() -> Any:
    import posembed

    sizes: dict[str, Any] = {"lengths": [64], "documents": 4, "pool": 2, "precision": "fp32", "data": "texts"}
    return posembed.evaluate("embedder", tasks=["passkey"], **sizes)


_ARRAYS = ("smooth", "partly", "noise", "sinusoid", "tiled", "reserved", "grid", "constant", "one-row", "half")


def _array(name: str) -> tuple[Any, dict[str, Any]]:
    """A table of which something is known, and its layout."""
    draw = np.random.default_rng(0)
    noise = (draw.normal(size=(72, 16)) * 0.02).astype(np.float32)
    tables: dict[str, tuple[Any, dict[str, Any]]] = {
        "smooth": (smooth_rows(96, 16), {}),
        "partly": (np.concatenate([smooth_rows(120, 16), noise]), {}),
        "noise": (noise, {}),
        "sinusoid": (sinusoid(64, 16), {}),
        "tiled": (np.tile(smooth_rows(24, 16), (3, 1)), {}),
        "reserved": (noise, {"length": 67, "reserved": 2, "prefix": 1, "suffix": 2}),
        "grid": (noise[:50], {"grid": (7, 7), "prefix": 1}),
        "constant": (np.ones((20, 8), np.float32), {}),
        "one-row": (noise[:1], {}),
        "half": (smooth_rows(40, 16).astype(np.float16), {}),
    }
    return tables[name]


def _analysis(name: str) -> Any:
    import posembed

    table, layout = _array(name)
    return posembed.analyze_table(table, layout=posembed.TableLayout(**layout) if layout else None).to_dict()


_SEQUENCES: dict[str, dict[str, Any]] = {
    **{m: {} for m in ("linear", "cubic", "tile", "grouped", "hierarchical", "repeat-last", "mean", "zeros", "random")},
    "stretch": {"keep": 5, "range": 40},
}
_TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        f"{method}-{array}": (array, {"length": 150, "method": method, **options})
        for method, options in _SEQUENCES.items()
        for array in ("smooth", "reserved")
    },
    **{
        f"{method}-grid": ("grid", {"grid": (9, 5), "method": method})
        for method in ("bicubic", "bilinear", "nearest", "tile")
    },
    "crop-smooth": ("smooth", {"length": 30, "method": "crop"}),
    "half-linear": ("half", {"length": 64, "method": "linear"}),
    "default-method": ("smooth", {"length": 128}),
    "unknown-option": ("smooth", {"length": 128, "method": "tile", "alpha": 0.3}),
    "unknown-method": ("smooth", {"length": 128, "method": "auto-magic"}),
    "grid-method-of-a-sequence": ("smooth", {"length": 128, "method": "bicubic"}),
}


def _extended(array: str, settings: dict[str, Any]) -> Any:
    import posembed

    table, layout = _array(array)
    said = posembed.TableLayout(**layout) if layout else None
    made = posembed.extend_table(table, layout=said, **settings)
    return [type(made).__name__, str(made.dtype), list(made.shape), sha256(made.tobytes())]
