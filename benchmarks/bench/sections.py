"""The sections of the page: for each benchmark what was measured, a chart, a table, and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.bench.checkpoint import COMMAND, UNFLUSHED
from benchmarks.bench.layer import COPY, FRESH, KEPT
from benchmarks.bench.results import Case, Result, Row, ratio, slope
from benchmarks.bench.start import PYTHON
from benchmarks.pages import table

TYPES = {"default": "no token types given", "explicit": "explicit `token_type_ids`"}
Section = Callable[[Result], Iterable[str]]


def spread(row: Row, name: str = "wall", scale: float = 1e3, digits: int = 2) -> str:
    """Return the median with the least and the most, such as ``4.20 (4.10–5.00)``."""
    low, high = min(row.series[name]) * scale, max(row.series[name]) * scale
    return f"{row.median(name) * scale:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def times(value: float | None) -> str:
    """Return a ratio with two digits, or a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def floor_seconds(rows: Sequence[Row]) -> float | None:
    """Return the bytes that must move over the copy bandwidth of the same rounds, for one case."""
    copy = next((row for row in rows if row.candidate == COPY), None)
    if copy is None or copy.moved is None:
        return None
    case = copy.case
    copied = 2 * 4 * float(case["batch"]) * float(case["length"]) * float(case["width"])  # read and written, float32
    return copy.moved / (copied / copy.median())


def case_table(result: Result, case: Case) -> str:
    """Return the table of one case of the layer: every candidate against Transformers and the floor."""
    rows = result.where(**case)
    floor = floor_seconds(rows)
    theirs = next(row for row in rows if row.candidate == "transformers")
    lines = [
        [
            row.candidate,
            spread(row),
            times(ratio(row, theirs)),
            times(ratio(row, theirs, "processor")),
            times(None if floor is None or row.candidate in (COPY, FRESH) else row.median() / floor),
        ]
        for row in rows
    ]
    return table(("candidate", "ms, median (range)", "/ transformers", "processor time", "/ floor"), lines)


def layer(result: Result) -> Iterable[str]:
    """Describe the layer at one size."""
    case = result.cases()[0]
    yield (
        f"BERT's input embedding, batch {case['batch']} × length {case['length']} × width {case['width']}, float32: "
        "token, position and segment rows and LayerNorm, compared with every peer that runs here. Output and every "
        "gradient are compared before anything is timed. Ratios are medians over rounds of the time by that of "
        "`BertEmbeddings` of transformers, eager, in the same round. The floor is the bytes that any implementation "
        "has to move (ids, each distinct row once, the output; backward: the output's gradient, the rows, and the "
        "dense gradients of all tables), divided by the bandwidth of a copy of the output's size into memory that is "
        "kept, in the same rounds. A new tensor costs page faults besides: see “copy into fresh memory”."
    )
    for label, named in TYPES.items():
        yield f"### Forward, {named}"
        yield case_table(result, {"what": "forward", "types": label})
    for label, named in TYPES.items():
        for gradients in ("fresh", KEPT):
            how = "gradients kept and zeroed" if gradients == KEPT else "fresh gradients"
            yield f"### Forward and backward, {named}, {how}"
            yield case_table(result, {"what": "forward + backward", "types": label, "gradients": gradients})


def grid(result: Result) -> Iterable[str]:
    """Describe the growth in batch, length and width."""
    yield (
        "The same module, no token types given, over batch × length × width: time of ours by that of transformers, "
        "forward. Below, the slopes of the line through the logarithms of time and size, with the other two at their "
        "largest: 1 is time in proportion to the size. Slopes below 1 mean that the fixed cost of a call still shows; "
        "backward, the dense gradient of the token table costs the same at any batch and length."
    )
    cases = result.cases(what="forward")
    axes = {name: sorted({int(case[name]) for case in cases}) for name in ("batch", "length", "width")}
    lines = []
    for batch in axes["batch"]:
        for length in axes["length"]:
            cells = [_grid_ratio(result, batch, length, width) for width in axes["width"]]
            lines.append([f"{batch} × {length}", *map(times, cells)])
    yield table(("batch × length", *(f"width {width}" for width in axes["width"])), lines)
    slopes = [
        [f"{what}, {candidate}", *(f"{_grid_slope(result, what, candidate, axis):.2f}" for axis in axes)]
        for what in ("forward", "forward + backward")
        for candidate in ("posembed", "transformers")
    ]
    yield table(("slope in", *axes), slopes)


def _grid_ratio(result: Result, batch: int, length: int, width: int) -> float | None:
    case = {"what": "forward", "batch": batch, "length": length, "width": width}
    ours, theirs = result.row("posembed", **case), result.row("transformers", **case)
    return None if ours is None or theirs is None else ratio(ours, theirs)


def grid_line(result: Result, what: str, candidate: str, axis: str) -> list[tuple[int, float]]:
    """Return sizes and seconds along one axis, with the other two at their largest."""
    rows = [row for row in result.where(what=what) if row.candidate == candidate]
    largest = {name: max(int(row.case[name]) for row in rows) for name in ("batch", "length", "width") if name != axis}
    line = [row for row in rows if all(row.case[name] == size for name, size in largest.items())]
    return sorted((int(row.case[axis]), row.median()) for row in line)


def _grid_slope(result: Result, what: str, candidate: str, axis: str) -> float:
    sizes, seconds = zip(*grid_line(result, what, candidate, axis), strict=True)
    return slope(sizes, seconds)


def inputs(result: Result) -> Iterable[str]:
    """Describe decoding and packed batches."""
    yield (
        "GPT-2's embedding (token plus position row), decoding one token at a time after what is in the cache. With "
        "left padding, positions come from the mask, of which both sum all columns at every step. One step "
        "moves a few KB. Ours checks ids, positions and mask at every call, which the peer does not; how much of the "
        "difference that makes was not measured."
    )
    lines = []
    for case in result.cases(what="decoding"):
        ours, theirs = result.row("posembed", **case), result.row("transformers", **case)
        assert ours is not None
        assert theirs is not None
        name = f"batch {case['batch']}, {case['cached']} cached, {case['padding']}"
        lines.append(
            [name, spread(ours, scale=1e6, digits=1), spread(theirs, scale=1e6, digits=1), times(ratio(ours, theirs))]
        )
    yield table(("decoding", "posembed, µs per step", "transformers, µs", "ratio"), lines)
    for case in result.cases(what="packed"):
        yield (
            f"{case['sequences']} sequences of different lengths, {case['tokens']} tokens end to end, or padded to the "
            f"longest ({case['padded']} tokens):"
        )
        rows = result.where(**case)
        theirs = next(row for row in rows if row.candidate == "transformers, position_ids")
        yield table(
            ("packed", "ms, median (range)", "/ transformers, packed"),
            [[row.candidate, spread(row), times(ratio(row, theirs))] for row in rows],
        )


def checkpoint(result: Result) -> Iterable[str]:
    """Describe the extension and inspection of one large file."""
    rows = result.where(what="extend")
    copied = next(row for row in rows if row.candidate == "cp")
    yield (
        f"One table of a GPT-2 checkpoint of {float(copied.case['bytes']) / 1e9:.2f} GB doubled, each candidate in a "
        f"process of its own, {len(copied.series['wall'])} rounds. “{COMMAND}” is the whole command: start, plan, "
        "copy, verification, and flushing to the disk. Before fsync it is to be compared with `cp` where its own "
        "flushing is turned off, which measures the disk."
    )
    lines = [
        [
            f"`{row.candidate}`" if row.candidate == "cp" else row.candidate,
            spread(row, scale=1),
            f"{row.median() + row.median('flush'):.2f}",
            times(ratio(row, copied)),
            f"{max(row.series['peak']):.0f}",
        ]
        for row in rows
    ]
    yield table(("candidate", "before fsync, s", "with fsync, s", "/ cp", "peak, MiB"), lines)
    command = result.row(UNFLUSHED, what="extend")
    assert command is not None
    bound = 1.2 * copied.median() + 0.35
    yield (
        f"The command is to take at most 1.20 × `cp` + 0.35 s, {bound:.2f} s here: it takes {command.median():.2f} s."
    )
    yield "`inspect` of the same file:"
    yield table(
        ("command", "s, median (range)", "processor, s", "peak, MiB"),
        [
            [f"`{row.candidate}`", spread(row, scale=1), f"{row.median('processor'):.2f}", f"{row.median('peak'):.0f}"]
            for row in result.where(what="inspect")
        ],
    )


def shards(result: Result) -> Iterable[str]:
    """Describe checkpoints of many shards."""
    yield (
        "`extend --link` of sparse checkpoints, where only the shard with the table is written anew. Time and memory "
        "follow what is copied, not what is linked; each further shard costs a file name, a header and a link."
    )
    lines = [
        [
            f"{row.case['shards']} shards, {float(row.case['bytes']) / 1e9:.0f} GB",
            f"{float(row.case['copied']) / 1e6:.0f} MB",
            spread(row, scale=1),
            f"{row.median('processor'):.2f}",
            f"{max(row.series['peak']):.0f}",
        ]
        for row in result.where(what="extend --link")
    ]
    yield table(("checkpoint", "copied", "s, median (range)", "processor, s", "peak, MiB"), lines)
    found = result.cases(what="find_tables")
    names = [row.candidate for row in result.where(**found[0])]
    yield (
        "Finding the tables, which reads every header. Beside it, opening every shard with the safetensors library and "
        "reading the shapes; and the whole command, start included."
    )
    yield table(
        ("shards", *(f"{name}, s" for name in names)),
        [[str(case["shards"]), *(f"{row.median():.3f}" for row in result.where(**case))] for case in found],
    )
    if len(found) > 1:
        slopes = []
        for name in names[:2]:
            rows = [row for row in result.where(what="find_tables") if row.candidate == name]
            slopes.append(f"{name} {slope([float(r.case['shards']) for r in rows], [r.median() for r in rows]):.2f}")
        yield f"Slope in the number of shards: {'; '.join(slopes)}. Every header is read once, so 1 is what can be had."


def start(result: Result) -> Iterable[str]:
    """Describe the start of every command."""
    python = result.row(PYTHON, what="start")
    assert python is not None
    yield (
        f"The least of {len(python.series['wall'])} runs. A command's help must take at most 0.25 s of processor time, "
        "and a test refuses heavy imports on paths that do not need them."
    )
    lines = [
        [f"`{row.candidate}`", f"{row.least():.3f}", f"{row.least('processor'):.3f}", f"{row.median('peak'):.0f}"]
        for row in result.where(what="start")
    ]
    yield table(("call", "s", "processor, s", "peak, MiB"), lines)
    first = result.where(what="first progress")
    if first:
        yield "Until a long command shows its first progress (imports, texts and models loaded):"
        yield table(
            ("call", "first message, s", "first progress, s", "processor of the command itself, s"),
            [
                [f"`{row.candidate}`", *(f"{row.least(name):.2f}" for name in ("said", "wall", "processor"))]
                for row in first
            ],
        )


def lab(result: Result) -> Iterable[str]:
    """Describe the lab's training step."""
    shape, tokens = result.facts["shape"], result.facts["tokens"]
    yield (
        f"One training step of a decoder ({', '.join(f'{name} {value}' for name, value in shape.items())}, bytes as "
        "tokens): batch, forward, backward, clipping, optimizer. Losses and gradients agree before anything is timed. "
        "nanoGPT is no package: its model and loop were written for this benchmark after its published description "
        "(`benchmarks/bench/nanogpt.py`). On a CPU its published settings are float32 and the plain AdamW; beside "
        "that stands the same model with the lab's precision and fused optimizer, which compares the models alone."
    )
    published = result.row("nanoGPT as published for a CPU (fp32)", what="step", precision="fp32")
    for case in result.cases(what="step"):
        rows = result.where(**case)
        ours = rows[0]
        lines = [[row.candidate, f"{tokens / row.median():,.0f}", spread(row), times(ratio(row, ours))] for row in rows]
        yield f"### Training step, {case['precision']}"
        yield table(("candidate", "tokens/s", "ms per step (range)", "lab's tokens/s / its"), lines)
    fastest = result.where(what="step")[-1].case["precision"]
    ours = result.row("lab", what="step", precision=fastest)
    if ours is not None and published is not None and fastest != "fp32":
        yield (
            f"In {fastest}, which is the lab's default where the processor has it, the lab trains "
            f"{published.median() / ours.median():.2f} times as many tokens per second as nanoGPT as published."
        )
    part = {row.candidate: row for row in result.where(what="position part")}
    share = ratio(part["with positions"], part["step"]) - ratio(part["without"], part["step"])
    hidden, everything = result.where(what="masked step")
    yield (
        f"The position part of a step (looking up and adding the rows, forward and backward) is {share:.1%} of it. "
        f"With a vocabulary of {hidden.case['vocabulary']:,}, a masked model's step that makes logits of the masked "
        f"tokens only is {ratio(everything, hidden):.2f} times as fast as with logits of all."
    )
