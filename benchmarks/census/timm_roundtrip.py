"""Extend the smallest model of every timm module that has a grid table, load the copy with timm, and run it.

Run: python -m benchmarks.census.timm_roundtrip [--minutes 15] [--only vision_transformer,deit]

Each model is saved as timm saves it for the hub, with random weights of a fixed seed, and extended by two patches a
side; `check` of the library then loads source and copy with timm and runs both. Modules are taken in the order of a
hash of their names until the time is up, so that a shorter run is a sample of a longer one.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from posembed import extend_checkpoint, find_tables, plan_extension
from posembed.errors import PosembedError
from posembed.extension.check.child import read_copy, read_source
from posembed.extension.check.libraries import TIMM
from posembed.extension.check.messages import Copy
from posembed.extension.check.session import first_question, outcome_of

MORE_SIDES = (2, 1, 4, 8, 3, 6, 10, 12, 16)  # patches a side; the first that a plan accepts


def smallest(timm: Any, only: set[str]) -> dict[str, str]:
    """Name the smallest model of each timm module, by its number of parameters."""
    found: dict[str, tuple[int, str]] = {}
    for name in timm.list_models():
        module = str(timm.models.model_entrypoint(name).__module__.rpartition(".")[-1])
        if only and module not in only:
            continue
        with torch.device("meta"):
            try:
                size = sum(value.numel() for value in timm.create_model(name).parameters())
            except Exception:  # models that other libraries must be there for
                continue
        found[module] = min(found.get(module, (size, name)), (size, name))
    return {module: name for module, (_, name) in found.items()}


def larger(grid: tuple[int, int] | None, image: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """Yield what a user may ask for: a larger image, for models of several grids, or a larger grid of patches."""
    assert grid is not None
    for more in MORE_SIDES:
        sides = [side * (patches + more) // patches for side, patches in zip(image, grid, strict=True)]
        if all(side * patches % (patches + more) == 0 for side, patches in zip(sides, grid, strict=True)):
            yield {"image_size": (sides[0], sides[1])}
        yield {"grid": (grid[0] + more, grid[1] + more)}


def outcome(timm: Any, name: str) -> str:
    """Say what a user gets for one model, and why."""
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "source"), Path(folder, "out")
        # Weights that several layers share (CoaT) are saved once per layer, since the format takes no shared memory.
        own = {key: value.clone() for key, value in model.state_dict().items()}
        model.state_dict = lambda *_, **__: own
        timm.models.save_for_hf(model, str(source), safe_serialization=True)
        tables = [t for t in find_tables(source) if t.refused is None and t.layout.grid is not None]
        if not tables:
            return "no table"
        said = ""
        for options in larger(tables[0].layout.grid, model.pretrained_cfg["input_size"][1:]):
            try:
                plan = plan_extension(source, **options)
                if plan.blocked:
                    said = said or f"refused: {'; '.join(plan.blocked)}"
                    continue
                plan = extend_checkpoint(source, out, **options, check="off")
            except PosembedError as error:
                said = said or f"refused: {error}"
                continue
            start = first_question(plan, TIMM, run=True)
            answer, read = read_source(start)
            if read is not None:
                answer = read_copy(start, read, Copy(str(out)))
            checked = outcome_of(answer, 0.0)
            return f"{checked.outcome}: {checked.reason}"
        return said


def main() -> int:
    """Walk the modules, print one line each and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="timm modules, with commas between")
    parser.add_argument(
        "--minutes",
        type=float,
        default=15,
        help="time for the modules, after they are listed",
    )
    options = parser.parse_args()
    try:
        import timm
    except Exception as error:  # a broken torchvision raises whatever it likes
        print(f"timm cannot be imported ({error}): install timm and torchvision to run this census.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    modules = smallest(timm, set(filter(None, options.only.split(","))))
    begin, counts = time.monotonic(), Counter[str]()
    for module in sorted(modules, key=lambda name: sha256(f"timm:{name}".encode()).hexdigest()):
        if time.monotonic() - begin > 60 * options.minutes:
            break
        try:
            said = outcome(timm, modules[module])
        except Exception as error:  # the failure is the result
            said = f"FAILED: {type(error).__name__}: {error}"
        counts[said.partition(":")[0]] += 1
        if said != "no table":
            print(f"{module}, {modules[module]}: {said}", flush=True)
    print(f"{sum(counts.values())} of {len(modules)} modules of timm {timm.__version__}: {dict(counts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
