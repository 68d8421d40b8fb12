"""Run a copy where its source ran and at the new size, and compare what short inputs give."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from posembed.errors import class_and_line, first_names
from posembed.extension.check.comparing import compare, leading
from posembed.extension.check.inputs import Call, Lengths
from posembed.extension.check.lengths import ASIDE, SPARE, lengths_for, longer
from posembed.extension.check.messages import Size
from posembed.extension.check.parts import part_of
from posembed.extension.check.reading import NAMED, DoesNotRunError
from posembed.extension.check.source_runs import Prepare, SourceRun, last_row, nothing_prepared, outputs, unread


def run_copy(
    model: Any, sizes: Sequence[Size], source: Sequence[SourceRun], prepare: Prepare = nothing_prepared
) -> str:
    """Run the copy wherever the source ran, and at the new size.

    Returns:
        What it ran on, in words.

    Raises:
        DoesNotRunError: if it does not run, or gives other outputs where it should give the same.
    """
    ran = [run.where + _run_again(part_of(model, run.part), run, prepare) for run in source]
    if not any(run.part == "" for run in source):
        ran.append(f"no way to call {type(model).__name__} as a whole was found")
    rest = unread(sizes, source)
    if rest:
        ran.append(f"not run with {first_names(rest, NAMED)}, because no way to call what reads it was found")
    return "; ".join(dict.fromkeys(ran))  # two calls that read two tables may have run alike


def _run_again(part: Any, source: SourceRun, prepare: Prepare) -> str:
    grid = next((size.grid for size in source.sizes if size.old_grid is not None), None)
    last = last_row(source.sizes, "after")
    call = source.call.at(None if grid is None else (grid[0], grid[1]), last)
    ran = _run_lengths(part, call, source)
    if call.reach is not None:
        ran += f", up to row {call.reach}"
    if source.prepared:
        try:
            made = prepare(call.names)
            outputs(part, call, Lengths(ASIDE, ASIDE), made)
        except Exception as error:
            raise DoesNotRunError(f"{source.where}on what its own processor makes: {class_and_line(error)}") from error
        ran += ", and on what its own processor makes"
    return ran


def _run_lengths(model: Any, call: Call, source: SourceRun) -> str:
    sizes = source.sizes
    wanted, shape = lengths_for(sizes, call), call.shape(model)
    if wanted.before is None or wanted.after is None:
        where = f"on an input of shape {list(shape)}" if shape is not None else f"at {ASIDE} {_counted(call)}"
        _tried(model, call, Lengths(ASIDE, ASIDE), source.where + where)
        return where
    same, grown = 0, {(size.before, size.after) for size in sizes if size.of_sequence}
    shared = wanted.shared(source.shortest, source.spare)
    lengths = {length: shared[length] for length in source.outputs}
    several = sum(size.of_sequence for size in sizes) > 1
    longest = _longest_of_copy(
        model, call, wanted.after, range(source.spare, SPARE if several and source.spare else source.spare)
    )
    lengths[longer(longest)] = longest
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
    return f"{ran}; the same outputs as the source up to {same} token{'s' * (same > 1)}" if same else ran


def _counted(call: Call) -> str:
    return "tokens" if call.has_words else "time steps"


def _longest_of_copy(model: Any, call: Call, after: Lengths, spares: range) -> Lengths:
    """Return the longest input of a copy.

    The source may have added two tokens to one table and three to another, longer one, which the copy makes as short.
    """
    for spare in spares:
        with contextlib.suppress(Exception):
            outputs(model, call, after.less(spare))
            return after.less(spare)
    return after.less(spares.stop)


def _tried(model: Any, call: Call, lengths: Lengths, where: str) -> list[Tensor]:
    try:
        return outputs(model, call, lengths)
    except Exception as error:  # whatever a model raises is the result
        raise DoesNotRunError(f"{where}: {class_and_line(error)}") from error
