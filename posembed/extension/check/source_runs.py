"""Run a source: find ways to call it, or its parts, that read the tables which change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from posembed.extension.check.inputs import SOUNDS, Arguments, Call, Lengths, calls
from posembed.extension.check.lengths import SHORTEST, SPARE, Wanted, lengths_for
from posembed.extension.check.messages import Size
from posembed.extension.check.parts import Watch, parameter_named, parts
from posembed.extension.check.reading import CannotCheckError


@dataclass(frozen=True)
class SourceRun:
    """What the source, or a part of it, did.

    Attributes:
        call: how it was called.
        shortest: tokens of the shortest input.
        outputs: what it gave, by the number of tokens.
        shape: of the pixels or the sound that it also read; ``None`` if it read text alone.
        prepared: whether it also runs on what its own image processor or feature extractor makes.
        part: path of the part that was called; empty for the whole model.
        sizes: of the tables that the call reads.
        spare: tokens by which the longest input that ran is shorter than the table.
    """

    call: Call
    shortest: int
    outputs: dict[int, list[Tensor]] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    prepared: bool = False
    part: str = ""
    sizes: tuple[Size, ...] = ()
    spare: int = 0

    @property
    def where(self) -> str:
        """The part, as the beginning of a sentence."""
        return f"its part {self.part} " if self.part else ""


Prepare = Callable[[Sequence[str]], Arguments]
"""Makes some arguments, by name, as the checkpoint's own processor does; empty where it has none."""


Read = Callable[[str], Tensor | None]
"""Returns the values of a tensor of the checkpoint by its key, ``None`` where they are not known."""


def nothing_read(_: str, /) -> None:
    """Read nothing."""


def nothing_prepared(_: Sequence[str], /) -> Arguments:
    """Make nothing."""
    return {}


def run_source(
    model: Any, sizes: Sequence[Size], prepare: Prepare = nothing_prepared, read: Read = nothing_read
) -> tuple[SourceRun, ...]:
    """Find ways to call a model that read the tables which change, and keep what they give.

    A table that no call of the whole model reads is read by the largest part of the model that can be called. Where
    that is so because the whole takes no input with coordinates as large, it is called with smaller ones besides.

    Raises:
        CannotCheckError: if no table is read by any call.
    """
    names = {size.key: parameter_named(model, size.key, read(size.key)) for size in sizes}
    runs: list[SourceRun] = []
    left = tuple(sizes)

    def take(part: Any, path: str) -> None:
        nonlocal left
        while left and (run := _run_part(part, path, left, names, prepare)) is not None:
            runs.append(run)
            left = tuple(size for size in left if size not in run.sizes)

    take(model, "")
    for size in sizes:
        name = names[size.key]
        for path, part in parts(model, name) if name is not None else ():
            if size in left:
                take(part, path)
    numbered = [size for run in runs for size in run.sizes if size.numbered]
    if numbered and all(run.part for run in runs):
        near = _run_part(model, "", numbered, names, prepare, near=True)
        runs += [] if near is None else [near]
    if not runs:
        raise CannotCheckError(f"not run, because no way to call {type(model).__name__} was found")
    return tuple(runs)


def unread(sizes: Iterable[Size], runs: Iterable[SourceRun]) -> list[str]:
    """Return the tables that none of some runs reads."""
    read = {size.key for run in runs for size in run.sizes}
    return [size.key for size in sizes if size.key not in read]


def _run_part(
    part: Any,
    path: str,
    left: Sequence[Size],
    names: Mapping[str, str | None],
    prepare: Prepare,
    *,
    near: bool = False,
) -> SourceRun | None:
    """Return what the first call gives that reads one of the tables which are left; ``None`` if there is none.

    With ``near``, coordinates and time steps begin at 0; otherwise they end at the last row of their table.
    """
    inside = f"{path}." if path else ""
    held = [size for size in left if (names[size.key] or inside).startswith(inside)]
    known = {name.removeprefix(inside): size for size in held if (name := names[size.key]) is not None}
    needs_text = any(size.of_sequence for size in held)
    grid = next((size.old_grid for size in held if size.old_grid is not None), None)
    last = last_row(held, "before")
    for call in calls(part, grid, last):
        if near:
            call = replace(call, last=None)
        for shortest in SHORTEST if needs_text and call.has_words else SHORTEST[:1]:
            with contextlib.suppress(Exception), Watch(part, known) as watch:  # not the way to call it
                first = outputs(part, call, Lengths(shortest, shortest))
                read = tuple(size for size in held if _reads(call, size, names, {inside + name for name in watch.seen}))
                if read:
                    return _run_lengths_of_source(part, path, call, {shortest: first}, read, prepare)
    return None


def last_row(sizes: Iterable[Size], when: Literal["before", "after"]) -> int | None:
    """Return the last row that all tables of coordinates or time steps have."""
    return min((int(getattr(size, when)) - 1 for size in sizes if size.numbered), default=None)


def _reads(call: Call, size: Size, names: Mapping[str, str | None], seen: Collection[str]) -> bool:
    """Return whether a call read a table; of one that the model has under another name, whether it may have."""
    if names[size.key] is not None:
        return names[size.key] in seen
    return call.has_words or call.signal in SOUNDS if size.of_sequence else call.signal is not None


def _run_lengths_of_source(
    part: Any, path: str, call: Call, made: dict[int, list[Tensor]], sizes: tuple[Size, ...], prepare: Prepare
) -> SourceRun:
    """Run the longest input too, beside the shortest, and what the processor makes."""
    shortest, wanted = next(iter(made)), lengths_for(sizes, call)
    spare, given = _spare(part, call, wanted)
    shared = wanted.shared(shortest, spare)
    short = shared.pop(shortest)
    if short != Lengths(shortest, shortest):  # a table is even shorter
        made[shortest] = outputs(part, call, short)
    for length, tokens in shared.items():
        if given is not None and wanted.before is not None and tokens == wanted.before.less(spare):
            made[length] = given
            continue
        with contextlib.suppress(Exception):  # a model may not take what its own table allows
            made[length] = outputs(part, call, tokens)
    ready = _runs_prepared(part, call, short, prepare)
    return SourceRun(call, shortest, made, call.shape(part), ready, path, sizes, spare)


def _spare(part: Any, call: Call, wanted: Wanted) -> tuple[int, list[Tensor] | None]:
    """Return by how many tokens an input must be shorter than the tables, and what that gives.

    It is 0 if the model takes none of a few lengths.
    """
    if wanted.before is not None:
        for spare in range(SPARE + 1):
            with contextlib.suppress(Exception):
                return spare, outputs(part, call, wanted.before.less(spare))
    return 0, None


def _runs_prepared(model: Any, call: Call, lengths: Lengths, prepare: Prepare) -> bool:
    with contextlib.suppress(Exception):  # no processor, or one of another library
        made = prepare(call.names)
        return bool(made) and bool(outputs(model, call, lengths, made))
    return False


def outputs(model: Any, call: Call, lengths: Lengths, instead: Arguments | None = None) -> list[Tensor]:
    """Return the floating-point tensors that a call gives; ``instead`` replaces some of its arguments."""
    output = _called(model, call, lengths, instead)
    values = (
        output.values() if isinstance(output, Mapping) else output if isinstance(output, list | tuple) else [output]
    )
    return [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]


def _called(model: Any, call: Call, lengths: Lengths, instead: Arguments | None = None) -> Any:
    torch.manual_seed(0)  # some models mask at random
    with torch.no_grad():
        return model(**call.arguments(model, lengths) | (instead or {}))
