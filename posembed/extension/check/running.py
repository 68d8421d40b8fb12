"""Run a source and its copy: at the shortest, the old and the new size, and compare what short inputs give."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from posembed.errors import first_line
from posembed.extension.check.inputs import Arguments, Call, Lengths, calls
from posembed.extension.check.messages import Size
from posembed.extension.check.reading import CannotCheckError, DoesNotRunError

SHORTEST = (1, 2, 4, 8)
"""Numbers of tokens of the shortest input, tried in this order: some models need a few."""
ASIDE = 4
"""Tokens of a text whose table does not change."""
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""Two float32 forward passes over the same numbers differ by less, however their kernels divide the work."""


@dataclass(frozen=True)
class SourceRun:
    """What the source did.

    Attributes:
        call: how it was called.
        shortest: tokens of the shortest input.
        outputs: what it gave, by the number of tokens.
        shape: of the pixels or the sound that it also read; ``None`` if it read text alone.
        prepared: whether it also runs on what its own image processor or feature extractor makes.
    """

    call: Call
    shortest: int
    outputs: dict[int, list[Tensor]] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    prepared: bool = False


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


def run_source(model: Any, sizes: Sequence[Size], prepare: Prepare = nothing_prepared) -> SourceRun:
    """Find a way to call a model, and keep what it gives for the shortest and the longest input.

    Raises:
        CannotCheckError: if none was found.
    """
    needs_text = any(size.kind == "sequence" for size in sizes)
    for call in calls(model):
        if needs_text and not any("input_ids" in name for name in call.names):
            continue
        if not needs_text and call.shape(model) is None:
            continue
        wanted = _wanted(sizes, call)
        for shortest in SHORTEST if needs_text else SHORTEST[:1]:
            with contextlib.suppress(Exception):  # not the way to call it
                run = SourceRun(call, shortest, {}, call.shape(model))
                shared = wanted.shared(shortest)
                short = shared.pop(shortest)
                run.outputs[shortest] = outputs(model, call, short)
                for length, tokens in shared.items():
                    with contextlib.suppress(Exception):  # a model may not take what its own table allows
                        run.outputs[length] = outputs(model, call, tokens)
                return replace(run, prepared=_runs_prepared(model, call, short, prepare))
    raise CannotCheckError(f"not run, because no way to call {type(model).__name__} was found")


def run_copy(model: Any, sizes: Sequence[Size], source: SourceRun, prepare: Prepare = nothing_prepared) -> str:
    """Run the copy wherever the source ran, and at the new size.

    Returns:
        What it ran on, in words.

    Raises:
        DoesNotRunError: if it does not run, or gives other outputs where it should give the same.
    """
    ran = _run_lengths(model, sizes, source)
    if source.prepared:
        try:
            made = prepare(source.call.names)
            outputs(model, source.call, Lengths(ASIDE, ASIDE), made)
        except Exception as error:
            raise DoesNotRunError(
                f"on what its own processor makes: {type(error).__name__}: {first_line(error)}"
            ) from error
        ran += ", and on what its own processor makes"
    return ran


def _runs_prepared(model: Any, call: Call, lengths: Lengths, prepare: Prepare) -> bool:
    with contextlib.suppress(Exception):  # no processor, or one of another library
        made = prepare(call.names)
        return bool(made) and bool(outputs(model, call, lengths, made))
    return False


def _run_lengths(model: Any, sizes: Sequence[Size], source: SourceRun) -> str:
    wanted, shape = _wanted(sizes, source.call), source.call.shape(model)
    if wanted.before is None or wanted.after is None:
        _tried(model, source.call, Lengths(ASIDE, ASIDE), f"on an input of shape {list(shape or ())}")
        return f"on an input of shape {list(shape or ())}"
    same, grown = 0, {(size.before, size.after) for size in sizes if size.kind == "sequence"}
    shared = wanted.shared(source.shortest)
    lengths = {length: shared[length] for length in source.outputs}
    lengths[_longest(wanted.after)] = wanted.after
    for length, tokens in lengths.items():
        given = _tried(model, source.call, tokens, f"at {length} tokens")
        # Pixels or a sound of another size give other outputs, however short the text is.
        alike = shape == source.shape and tokens == shared.get(length)
        if alike and length in source.outputs and length <= wanted.kept:
            before, after = leading(source.outputs[length], given, grown, wanted.kept)
            compare(before, after, f"{length} tokens give")
            same = max(same, length)
    ran = f"at {', '.join(map(str, lengths))} tokens"
    return f"{ran}; the same outputs as the source up to {same} tokens" if same else ran


def outputs(model: Any, call: Call, lengths: Lengths, instead: Arguments | None = None) -> list[Tensor]:
    """Return the floating-point tensors that a call gives; ``instead`` replaces some of its arguments."""
    torch.manual_seed(0)  # some models mask at random
    with torch.no_grad():
        output = model(**call.arguments(model, lengths) | (instead or {}))
    values = output if isinstance(output, tuple) else list(output.values())
    return [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]


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


def leading(
    before: Sequence[Tensor], after: Sequence[Tensor], grown: Collection[tuple[int, int]], kept: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Return both outputs, cut to the kept positions along each axis that has the length of a table that changes.

    Some models, such as Perceiver's language model, give one row per row of their table, however short the input is.

    Args:
        before: outputs of the source.
        after: outputs of the copy.
        grown: lengths of each table, before and after.
        kept: number of leading positions whose rows are the old ones.
    """
    pairs = [_leading(old, new, grown, kept) for old, new in zip(before, after, strict=True)]
    return [old for old, _ in pairs], [new for _, new in pairs]


def _leading(old: Tensor, new: Tensor, grown: Collection[tuple[int, int]], kept: int) -> tuple[Tensor, Tensor]:
    if old.dim() == new.dim():
        for axis, sizes in enumerate(zip(old.shape, new.shape, strict=True)):
            if sizes[0] != sizes[1] and sizes in grown:
                count = min(*sizes, kept)
                old, new = old.narrow(axis, 0, count), new.narrow(axis, 0, count)
    return old, new


def compare(before: list[Tensor], after: list[Tensor], what: str) -> None:
    """Require that two runs gave the same; ``what`` begins the sentence otherwise, such as ``"8 tokens give"``.

    Raises:
        DoesNotRunError: if they did not.
    """
    for old, new in zip(before, after, strict=True):
        if old.shape != new.shape:
            raise DoesNotRunError(f"{what} an output of shape {list(new.shape)}, not {list(old.shape)}")
        if not torch.allclose(old, new, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True):
            difference = float((old - new).abs().max())
            raise DoesNotRunError(f"{what} other outputs than in the source (by up to {difference:.2g})")
