"""The sections of the lesson. Every number in them is computed when they are built, or read from a measured run."""

from __future__ import annotations

import os
from pathlib import Path

from posembed.errors import InvalidArgumentError
from posembed.lesson.blocks import Block, Code, Quiz, Section, Words
from posembed.lesson.comparing import (
    beyond_section,
    good_and_bad_section,
    models_section,
    sinusoid_section,
    versus_section,
)
from posembed.lesson.example import Example, load_example
from posembed.lesson.measured import Measured, load_measured
from posembed.lesson.scratch import run_from_scratch
from posembed.lesson.widgets import sum_widget
from posembed.presets import PRESETS
from posembed.report.text_table import TextTable

TITLE = "Learned positions, explained by running them"


def build_lesson(
    checkpoint: str | os.PathLike[str] | None = None, results: str | os.PathLike[str] | None = None
) -> list[Section]:
    """Return the sections of the lesson, computed now.

    Args:
        checkpoint: directory of a text model whose table is shown; by default all-MiniLM-L6-v2 where it is installed.
        results: a ``results.json`` of ``posembed compare``, or its folder; by default the committed run.

    Raises:
        InvalidArgumentError: if one of them cannot be used.
    """
    measured = load_measured(None if results is None else Path(results))
    example = load_example(checkpoint, measured)
    try:
        return _sections(example, measured)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        if results is None:
            raise
        raise InvalidArgumentError(
            f"results={str(results)!r} is not a complete results.json of posembed compare ({type(error).__name__}: "
            f"{error})"
        ) from None


def _sections(example: Example, measured: Measured) -> list[Section]:
    return [
        _what(),
        _lookup(example),
        _from_scratch(),
        versus_section(measured),
        sinusoid_section(example),
        models_section(),
        good_and_bad_section(example, measured),
        beyond_section(example, measured),
        Section("Eight questions", [Quiz()]),
    ]


def _what() -> Section:
    from posembed.nn.learned import LearnedPositionalEmbedding

    bert = PRESETS["bert-base"]
    table = LearnedPositionalEmbedding(bert.rows, bert.d_model).weight
    unmasked, causal = _swapped(causal=False), _swapped(causal=True)
    return Section(
        "What a learned position table is",
        [
            Words(
                "Attention without a mask looks at a set: without positions it cannot tell “dog bites man” from “man "
                "bites dog”. Swap the first and the last of three tokens, and the output of the one in the middle "
                f"changes by {unmasked:.1g}, which is rounding. A causal mask lets some order through (then it changes "
                f"by {causal:.2g}), too little for good predictions: see “none” in the comparison below."
            ),
            Words(
                "A **learned position table** is the simplest remedy: an array of `max_len` × `d_model` numbers, one "
                "row per position, that starts random and is trained with all other weights. The input of the model is "
                "`token row + position row`, added number by number."
            ),
            Words(
                f"BERT-base has `max_len` {bert.rows} and `d_model` {bert.d_model}: "
                f"`LearnedPositionalEmbedding({bert.rows}, {bert.d_model}).weight` has the shape {tuple(table.shape)}, "
                f"{table.numel():,} numbers, `requires_grad` is {table.requires_grad}."
            ),
        ],
    )


def _swapped(*, causal: bool) -> float:
    """Return how much the output of the middle token changes when its neighbors swap places, without positions."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        attention = torch.nn.MultiheadAttention(16, 2, batch_first=True)
        tokens = torch.randn(1, 3, 16)
        mask = torch.full((3, 3), float("-inf")).triu(1) if causal else None
        one, other = (attention(x, x, x, attn_mask=mask)[0] for x in (tokens, tokens.flip(1)))
    return float((one[0, 1] - other[0, 1]).abs().max())


def _lookup(example: Example) -> Section:
    twice = _same_token(example)
    blocks: list[Block] = [
        Words(
            f"Below are the real numbers of {example.model}: a token table of {example.vocab_size:,} rows and a "
            f"position table of {len(example.table)} positions, both {example.table.shape[1]} wide. Lookup means: "
            "the token id selects a row of the first, the position selects a row of the second."
        ),
        sum_widget(example),
    ]
    if twice is not None:
        blocks.append(Words(twice))
    if example.reserved:
        blocks.append(
            Words(f"This table has {example.reserved} reserved rows: position 0 reads row {example.reserved}.")
        )
    if example.adds_type_row:
        blocks.append(
            Words(
                "After this sum, this model adds a segment row (all tokens are in segment 0) and applies a LayerNorm."
            )
        )
    return Section("Lookup and addition, on a real sentence", blocks)


def _same_token(example: Example) -> str | None:
    """Return what position rows do to a token that occurs in the sentence twice, if one does."""
    import numpy as np

    for first, token_id in enumerate(example.ids):
        second = next((k for k in range(first + 1, len(example.ids)) if example.ids[k] == token_id), None)
        if second is not None and second - first > 1:
            one, other = (example.token_rows[place] + example.table[place] for place in (first, second))
            cosine = float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
            return (
                f"“{example.tokens[first]}” occurs at positions {first} and {second}: the same id {token_id}, the same "
                f"token row, but the sums differ (cosine {cosine:.3f}). That is how the model tells them apart."
            )
    return None


def _from_scratch() -> Section:
    run = run_from_scratch()
    return Section(
        "A table from scratch",
        [
            Words(
                f"{len(run.source.splitlines())} lines make a table and train it. The target depends on the token and "
                "on its position, so the rows must learn; texts have 12 tokens, so the last four rows are never read."
            ),
            Code(run.source, run.output),
            TextTable("Rows before and after training", ("row", "before", "after", "moved by"), run.rows),
            Words(
                "A row gets a gradient only when some text is long enough to read it. With plain Adam the last row "
                "keeps its random initial numbers (weight decay would shrink it). Rows that training never reached "
                "raise no error, and mean nothing."
            ),
        ],
    )
