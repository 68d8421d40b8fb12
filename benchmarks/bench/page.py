"""The page of results and the section of README: a function of the results alone.

python -m benchmarks.bench --page
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.bench import pictures, sections
from benchmarks.bench.checkpoint import UNFLUSHED
from benchmarks.bench.growth_section import growth
from benchmarks.bench.layer import KEPT
from benchmarks.bench.peers import KEEPING, ORT
from benchmarks.bench.results import Result, ratio
from benchmarks.bench.sections import Section, floor_seconds
from benchmarks.pages import table
from posembed.files import write_whole

PAGE, IMAGES, README = "docs/measured/speed.md", "docs/images/bench", "README.md"
BEGIN, END = "<!-- speed -->", "<!-- /speed -->"
SECTIONS: dict[str, tuple[str, Section]] = {
    "layer": ("The input embedding", sections.layer),
    "grid": ("Over batch, length and width", sections.grid),
    "inputs": ("Decoding and packed batches", sections.inputs),
    "checkpoint": ("A 3 GB checkpoint", sections.checkpoint),
    "shards": ("Many shards", sections.shards),
    "start": ("Start of every command", sections.start),
    "lab": ("Training in the lab", sections.lab),
    "growth": ("Growth", growth),
}
_INTRODUCTION = """\
# Speed

Written by `make bench`, which measures everything on this page in about a quarter of an hour; the results are kept as
JSON in `docs/measured/bench`, and `python -m benchmarks.bench --page` draws the page from them. What is compared must
compute the same: parity is checked first. Candidates alternate in one process, or take turns in processes of their own,
and ratios are medians over rounds. GPU figures come from `sh benchmarks/gpu.sh`; none is on this page yet.
"""


def load(results: Path) -> dict[str, Result]:
    """Return what has been measured, in the page's order."""
    found = {name: results / f"{name}.json" for name in SECTIONS}
    return {name: Result.read(path) for name, path in found.items() if path.exists()}


def write_page(results: Path, root: Path) -> list[Path]:
    """Write the page, its charts and the section of README, and return the files."""
    measured = load(results)
    if not measured:
        return []
    page = root / PAGE
    pictures_written = [
        path
        for name, result in measured.items()
        for path in pictures.draw(result, root / IMAGES, source(results, name))
    ]
    _write(page, page_text(measured))
    readme = root / README
    _write(readme, with_section(readme.read_text(encoding="utf-8"), readme_text(measured)))
    return [page, readme, *pictures_written]


def source(results: Path, name: str) -> str:
    """Return what a chart says of its origin: the file, and the beginning of its hash."""
    digest = hashlib.sha256((results / f"{name}.json").read_bytes()).hexdigest()
    return f"{name}.json {digest[:16]}"


def page_text(measured: Mapping[str, Result]) -> str:
    """Return the page."""
    parts = [_INTRODUCTION, "## In short\n", headline_table(measured)]
    for name, result in measured.items():
        title, section = SECTIONS[name]
        parts.append(f"## {title}\n")
        parts += [f"{part.rstrip()}\n" for part in section(result)]
        parts += [f"![{title}](../images/bench/{file})\n" for file in pictures.files(result)]
        parts += [f"Not measured here: {who} ({why}).\n" for who, why in result.missing.items()]
        parts.append(f"{measured_on(result)}\n")
    return "\n".join(parts)


def measured_on(result: Result) -> str:
    """Return the sentence about the machine, the versions and the command."""
    facts: Mapping[str, Any] = result.environment
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items() if version)
    load = facts["load_before"]
    busy = "" if load is None else f", load before {load:.1f}"
    return (
        f"Measured on {facts['day']} in {result.seconds:.0f} s by `python -m benchmarks.bench --only {result.name}`: "
        f"{facts['cpu']}, {facts['cores']} cores, {facts['threads']} threads{busy}; Python {facts['python']}, "
        f"torch {facts['torch']}, {packages}; seed {result.seed}."
    )


def headlines(measured: Mapping[str, Result]) -> Iterator[tuple[str, str]]:
    """Yield the figures to begin with: what, and how much."""
    if (layer := measured.get("layer")) is not None:
        yield from _layer_headlines(layer)
    if (checkpoint := measured.get("checkpoint")) is not None:
        ours, copy = checkpoint.row(UNFLUSHED, what="extend"), checkpoint.row("cp", what="extend")
        if ours is not None and copy is not None:
            yield "`extend --check off` of a 3 GB file, time / `cp`'s, before fsync", f"{ratio(ours, copy):.2f}"
            yield "the same, seconds; peak memory", f"{ours.median():.2f}; {max(ours.series['peak']):.0f} MiB"
        for row in checkpoint.where(what="inspect"):
            yield (
                f"`{row.candidate}` of the same file, seconds; of the processor",
                f"{row.median():.2f}; {row.median('processor'):.2f}",
            )
    if (shards := measured.get("shards")) is not None:
        linked = [row for row in shards.where(what="extend --link") if row.case["bytes"] >= 10**10]
        for row in linked[:1]:
            what = f"`extend --link`, {row.case['shards']} shards, {float(row.case['bytes']) / 1e9:.0f} GB"
            yield f"{what}, seconds; peak memory", f"{row.median():.2f}; {max(row.series['peak']):.0f} MiB"
    if (start := measured.get("start")) is not None:
        for row in start.where(what="first progress")[:1]:
            yield f"`{row.candidate}` to its first progress, seconds", f"{row.least():.2f}"
    if (lab := measured.get("lab")) is not None:
        for case in lab.cases(what="step"):
            ours, *others = lab.where(**case)
            for other in others:
                yield f"lab's tokens/s / those of {other.candidate}, {case['precision']}", f"{ratio(other, ours):.2f}"


def _layer_headlines(layer: Result) -> Iterator[tuple[str, str]]:
    first = layer.cases()[0]
    size = f"`TokenPositionEmbedding`, {first['batch']} × {first['length']} × {first['width']}"
    for types, named in (("default", size), ("explicit", f"{size}, explicit `token_type_ids`")):
        forward = {"what": "forward", "types": types}
        ours = layer.row("posembed", **forward)
        assert ours is not None
        for peer in ("transformers", "transformers, compiled", ORT):
            if (theirs := layer.row(peer, **forward)) is not None:
                yield f"{named}: forward, time / {peer}", f"{ratio(ours, theirs):.2f}"
        if (floor := floor_seconds(layer.where(**forward))) is not None:
            yield f"{named}: forward, time / the copy floor", f"{ours.median() / floor:.2f}"
        for gradients, how in (("fresh", "fresh gradients"), (KEPT, "gradients kept and zeroed by both")):
            case = {"what": "forward + backward", "types": types, "gradients": gradients}
            theirs, ours_now = layer.row("transformers", **case), layer.row("posembed", **case)
            if theirs is not None and ours_now is not None:
                yield f"{named}: forward + backward, {how}, time / transformers", f"{ratio(ours_now, theirs):.2f}"
            keeping = layer.row(KEEPING, **case)
            if gradients == "fresh" and theirs is not None and keeping is not None:
                what = f"{named}: forward + backward, `keep_gradients=True`, time / transformers"
                yield what, f"{ratio(keeping, theirs):.2f}"


def headline_table(measured: Mapping[str, Result]) -> str:
    """Return the figures to begin with, as a table."""
    return table(("what", "measured"), [list(each) for each in headlines(measured)])


def readme_text(measured: Mapping[str, Result]) -> str:
    """Return the section of README."""
    first = next(iter(measured.values())).environment
    return (
        f"Measured by `make bench` on {first['cores']} cores of a machine with {first['cpu']}, torch {first['torch']}, "
        f"transformers {first['packages']['transformers']}. Parity is checked first; ratios are medians over rounds in "
        "which the implementations alternate. [All figures, with charts, spreads and what could not be measured]"
        f"(docs/measured/speed.md).\n\n{headline_table(measured)}"
    )


def with_section(text: str, section: str) -> str:
    """Return a page with the section between its two marks replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{section}{END}{after}"


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"), parents=True)
