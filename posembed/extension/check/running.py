"""Run a source and its copy: at the shortest, the old and the new size, and compare what short inputs give."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from posembed.errors import first_line, first_names
from posembed.extension.check.comparing import compare, leading
from posembed.extension.check.inputs import SOUNDS, Arguments, Call, Lengths, calls
from posembed.extension.check.messages import Size
from posembed.extension.check.parts import Watch, parameter_named, parts
from posembed.extension.check.reading import NAMED, CannotCheckError, DoesNotRunError

SHORTEST = (1, 2, 4, 8)
"""Numbers of tokens of the shortest input, tried in this order: some models need a few."""
ASIDE = 4
"""Tokens of a text whose table does not change."""


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
    """

    call: Call
    shortest: int
    outputs: dict[int, list[Tensor]] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    prepared: bool = False
    part: str = ""
    sizes: tuple[Size, ...] = ()

    @property
    def where(self) -> str:
        """The part, as the beginning of a sentence."""
        return f"its part {self.part} " if self.part else ""


@dataclass(frozen=True)
class Wanted:
    """The sizes at which a model is to run.

    Attributes:
        before: tokens of the longest input, before; ``None`` if no sequence table changes.
        after: the same, afterwards.
        kept: inputs of up to this many tokens read only rows that are the old ones.
    """

    before: Lengths | None
    after: Lengths | None
    kept: int

    @classmethod
    def of(cls, sizes: Iterable[Size], *, decoder: bool, text: bool = True) -> Wanted:
        """Return the lengths that some tables allow.

        Args:
            sizes: of the tables that change.
            decoder: whether the decoder has tokens of its own.
            text: whether there are other tokens too; without them, every table outside the decoder numbers a sound.
        """
        sequences = [size for size in sizes if size.kind == "sequence"]
        of_decoder = [size for size in sequences if decoder and "decoder" in size.key]
        of_text = [size for size in sequences if text and size not in of_decoder]
        sequences = [*of_text, *of_decoder]
        if not sequences:
            return cls(None, None, 0)
        before, after = (
            Lengths(*(min((getattr(size, when) for size in part), default=ASIDE) for part in (of_text, of_decoder)))
            for when in ("before", "after")
        )
        return cls(before, after, min(size.kept for size in sequences))

    def shared(self, shortest: int) -> dict[int, Lengths]:
        """Return the lengths that source and copy both take, by the larger number: the shortest and the longest."""
        if self.before is None or self.after is None:
            return {shortest: Lengths(min(shortest, ASIDE), shortest)}
        longest = Lengths(min(self.before.text, self.after.text), min(self.before.decoder, self.after.decoder))
        return {shortest: _at(longest, shortest), _longest(longest): longest}


def _wanted(sizes: Sequence[Size], call: Call) -> Wanted:
    return Wanted.of(sizes, decoder="decoder_input_ids" in call.names, text="input_ids" in call.names)


Prepare = Callable[[Sequence[str]], Arguments]
"""Makes some arguments, by name, as the checkpoint's own processor does; empty where it has none."""


def nothing_prepared(_: Sequence[str], /) -> Arguments:
    """Make nothing."""
    return {}


def run_source(model: Any, sizes: Sequence[Size], prepare: Prepare = nothing_prepared) -> tuple[SourceRun, ...]:
    """Find ways to call a model that read the tables which change, and keep what they give.

    A table that no call of the whole model reads is read by the largest part of the model that can be called.

    Raises:
        CannotCheckError: if no table is read by any call.
    """
    names = {size.key: parameter_named(model, size.key) for size in sizes}
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
    if not runs:
        raise CannotCheckError(f"not run, because no way to call {type(model).__name__} was found")
    return tuple(runs)


def unread(sizes: Iterable[Size], runs: Iterable[SourceRun]) -> list[str]:
    """Return the tables that none of some runs reads."""
    read = {size.key for run in runs for size in run.sizes}
    return [size.key for size in sizes if size.key not in read]


def run_copy(
    model: Any, sizes: Sequence[Size], source: Sequence[SourceRun], prepare: Prepare = nothing_prepared
) -> str:
    """Run the copy wherever the source ran, and at the new size.

    Returns:
        What it ran on, in words.

    Raises:
        DoesNotRunError: if it does not run, or gives other outputs where it should give the same.
    """
    ran = [run.where + _run_again(model.get_submodule(run.part), run, prepare) for run in source]
    if not any(run.part == "" for run in source):
        ran.append(f"no way to call {type(model).__name__} as a whole was found")
    rest = unread(sizes, source)
    if rest:
        ran.append(f"not run with {first_names(rest, NAMED)}, because no way to call what reads it was found")
    return "; ".join(ran)


def _run_part(
    part: Any, path: str, left: Sequence[Size], names: Mapping[str, str | None], prepare: Prepare
) -> SourceRun | None:
    """Return what the first call gives that reads one of the tables which are left; ``None`` if there is none."""
    inside = f"{path}." if path else ""
    held = [size for size in left if (names[size.key] or inside).startswith(inside)]
    known = {name.removeprefix(inside): size for size in held if (name := names[size.key]) is not None}
    needs_text = any(size.kind == "sequence" for size in held)
    for call in calls(part, next((size.old_grid for size in held if size.old_grid is not None), None)):
        for shortest in SHORTEST if needs_text and call.has_words else SHORTEST[:1]:
            with contextlib.suppress(Exception), Watch(part, known) as watch:  # not the way to call it
                first = outputs(part, call, Lengths(shortest, shortest))
                read = tuple(size for size in held if _reads(call, size, names, {inside + name for name in watch.seen}))
                if read:
                    return _run_lengths_of_source(part, path, call, {shortest: first}, read, prepare)
    return None


def _reads(call: Call, size: Size, names: Mapping[str, str | None], seen: Collection[str]) -> bool:
    """Return whether a call read a table; of one that the model has under another name, whether it may have."""
    if names[size.key] is not None:
        return names[size.key] in seen
    return call.has_words or call.signal in SOUNDS if size.kind == "sequence" else call.signal is not None


def _run_lengths_of_source(
    part: Any, path: str, call: Call, made: dict[int, list[Tensor]], sizes: tuple[Size, ...], prepare: Prepare
) -> SourceRun:
    """Run the longest input too, beside the shortest, and what the processor makes."""
    shortest = next(iter(made))
    shared = _wanted(sizes, call).shared(shortest)
    short = shared.pop(shortest)
    if short != Lengths(shortest, shortest):  # a table is even shorter
        made[shortest] = outputs(part, call, short)
    for length, tokens in shared.items():
        with contextlib.suppress(Exception):  # a model may not take what its own table allows
            made[length] = outputs(part, call, tokens)
    ready = _runs_prepared(part, call, short, prepare)
    return SourceRun(call, shortest, made, call.shape(part), ready, path, sizes)


def _run_again(part: Any, source: SourceRun, prepare: Prepare) -> str:
    grid = next((size.grid for size in source.sizes if size.old_grid is not None), None)
    call = source.call.at(None if grid is None else (grid[0], grid[1]))
    ran = _run_lengths(part, call, source)
    if source.prepared:
        try:
            made = prepare(call.names)
            outputs(part, call, Lengths(ASIDE, ASIDE), made)
        except Exception as error:
            raise DoesNotRunError(
                f"{source.where}on what its own processor makes: {type(error).__name__}: {first_line(error)}"
            ) from error
        ran += ", and on what its own processor makes"
    return ran


def _runs_prepared(model: Any, call: Call, lengths: Lengths, prepare: Prepare) -> bool:
    with contextlib.suppress(Exception):  # no processor, or one of another library
        made = prepare(call.names)
        return bool(made) and bool(outputs(model, call, lengths, made))
    return False


def _run_lengths(model: Any, call: Call, source: SourceRun) -> str:
    sizes = source.sizes
    wanted, shape = _wanted(sizes, call), call.shape(model)
    if wanted.before is None or wanted.after is None:
        where = f"at {ASIDE} tokens" if shape is None else f"on an input of shape {list(shape)}"
        _tried(model, call, Lengths(ASIDE, ASIDE), source.where + where)
        return where
    same, grown = 0, {(size.before, size.after) for size in sizes if size.kind == "sequence"}
    shared = wanted.shared(source.shortest)
    lengths = {length: shared[length] for length in source.outputs}
    lengths[_longest(wanted.after)] = wanted.after
    for length, tokens in lengths.items():
        given = _tried(model, call, tokens, f"{source.where}at {length} tokens")
        # Pixels or a sound of another size give other outputs, however short the text is.
        alike = shape == source.shape and tokens == shared.get(length)
        if alike and length in source.outputs and length <= wanted.kept:
            before, after = leading(source.outputs[length], given, grown, wanted.kept)
            compare(
                before,
                after,
                f"{source.where}{length} tokens give"
                if not source.part
                else f"in its part {source.part}, {length} tokens give",
            )
            same = max(same, length)
    ran = f"at {', '.join(map(str, lengths))} tokens"
    return f"{ran}; the same outputs as the source up to {same} tokens" if same else ran


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


def _at(longest: Lengths, length: int) -> Lengths:
    """Both lengths, each at most what its table allows."""
    return Lengths(min(length, longest.text), min(length, longest.decoder))


def _longest(lengths: Lengths) -> int:
    return max(lengths.text, lengths.decoder)


def _tried(model: Any, call: Call, lengths: Lengths, where: str) -> list[Tensor]:
    try:
        return outputs(model, call, lengths)
    except Exception as error:  # whatever a model raises is the result
        raise DoesNotRunError(f"{where}: {type(error).__name__}: {first_line(error)}") from error
