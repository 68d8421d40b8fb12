"""The lesson: sections and blocks. Every number in it is computed when it is built, or read from a measured run."""

from __future__ import annotations

import os
from pathlib import Path

from posembed.errors import InvalidArgumentError
from posembed.lesson.blocks import Block, Charts, Code, Layouts, Points, Quiz, Section, Words
from posembed.lesson.example import Example, load_example
from posembed.lesson.measured import Measured, load_measured
from posembed.lesson.scratch import run_from_scratch
from posembed.lesson.versus import ask_past_the_table, beyond_words, quality_words, versus_table
from posembed.lesson.widgets import extend_widget, sinusoid_widget, sum_widget
from posembed.presets import PRESETS
from posembed.report.html.compare import beyond_chart, position_chart
from posembed.report.text import TextTable, number, remarks

TITLE = "Learned positions, explained by running them"
_DRAWN = ("bert-base", "gpt2", "gpt3-175b", "roberta-base")


def build_lesson(
    checkpoint: str | os.PathLike[str] | None = None, results: str | os.PathLike[str] | None = None
) -> list[Section]:
    """The lesson, computed.

    Args:
        checkpoint: a text model's directory whose table is shown; by default all-MiniLM-L6-v2 where it is installed.
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
            f"--results {results} is no whole results.json of posembed compare ({type(error).__name__}: {error})"
        ) from None


def _sections(example: Example, measured: Measured) -> list[Section]:
    return [
        _what(),
        _lookup(example),
        _from_scratch(),
        _versus(measured),
        _sinusoid(example),
        _models(),
        _good_and_bad(example, measured),
        _beyond(example, measured),
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
                "A **learned position table** is the simplest cure: an array of `max_len` × `d_model` numbers, one row "
                "per position, that starts random and is trained with all other weights. The input of the model is "
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
    """How much the middle token's output changes when the tokens around it change places, without positions."""
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
            "the token's number chooses a row of the first, the token's place a row of the second."
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
                "This model adds the row of the segment (all tokens have segment 0) and a LayerNorm; both come after."
            )
        )
    return Section("Lookup and addition, on a real sentence", blocks)


def _same_token(example: Example) -> str | None:
    """What position rows do to a token that stands in the sentence twice."""
    import numpy as np

    for first, token_id in enumerate(example.ids):
        second = next((k for k in range(first + 1, len(example.ids)) if example.ids[k] == token_id), None)
        if second is not None and second - first > 1:
            one, other = (example.token_rows[place] + example.table[place] for place in (first, second))
            cosine = float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
            return (
                f"“{example.tokens[first]}” stands at positions {first} and {second}: the same id {token_id}, the same "
                f"token row, but the sums differ (cosine {cosine:.3f}). That is how the model tells them apart."
            )
    return None


def _from_scratch() -> Section:
    run = run_from_scratch()
    return Section(
        "A table from scratch",
        [
            Words(
                f"{len(run.source.splitlines())} lines make a table and train it. The answer depends on a token and on "
                "where it stands, so the rows must learn; texts have 12 tokens, so the last four rows are never read."
            ),
            Code(run.source, run.output),
            TextTable("Rows before and after training", ("row", "before", "after", "moved by"), run.rows),
            Words(
                "A row gets a gradient when some text is long enough to read it, and only then. With plain Adam the "
                "last row keeps the numbers of its random start (weight decay would shrink it): rows that training "
                "never reached are legal, and mean nothing."
            ),
        ],
    )


def _versus(measured: Measured) -> Section:
    return Section(
        "Learned against sinusoidal",
        [
            Words(
                "The other classic is a formula: sines and cosines of the position at many wavelengths (Vaswani et al. "
                "2017). Nothing in it is trained, and it has a row for any position. Both were tried in one small "
                "model on the same text, with the same start, alike but for their positions. Losses are in nats "
                "(natural logarithm) per token; lower is better."
            ),
            versus_table(measured.results),
            Words(
                "The run's verdicts, each paired: the same documents under the same seeds, which is why a difference "
                "can be certain where two intervals overlap. They speak of this run; another processor or length of "
                "training can move small differences past zero."
            ),
            Points(measured.results["verdict"]),
            Charts([position_chart(measured.results), beyond_chart(measured.results)]),
            Words("In the second chart 1× is measured on those documents that are long enough for the longest input."),
            Words(f"How it was measured. {measured.origin}"),
            Points([line for line in remarks(measured.results) if " past its table: " not in line]),
        ],
    )


def _sinusoid(example: Example) -> Section:
    return Section(
        "What the rows look like",
        [
            Words(
                "Three variants of the sinusoid are in use: pairs side by side (`interleaved`, the original), all "
                "sines before all cosines (`half`), and the same with other wavelengths (`fairseq`). They "
                "are not exchangeable in a trained model. Beside the table stands the similarity (cosine) of every "
                "pair of positions: a sinusoid's depends on the distance alone, falls at first, then goes up and "
                "down; a learned table's is what the text taught it."
            ),
            sinusoid_widget(example),
        ],
    )


def _models() -> Section:
    drawn = [PRESETS[name] for name in _DRAWN]
    rows = [
        (p.name, str(p.rows), str(p.layout.reserved), str(p.layout.usable_length), f"{p.parameters:,}", p.source)
        for p in drawn
    ]
    gpt2, gpt3 = PRESETS["gpt2"], PRESETS["gpt3-175b"]
    wrong2, wrong3 = 2 * gpt2.layout.usable_length, 2 * gpt3.layout.usable_length
    roberta = PRESETS["roberta-base"]
    return Section(
        "BERT, GPT-2, GPT-3, RoBERTa",
        [
            Layouts([(p.name, p.layout, p.source) for p in drawn]),
            TextTable("As published", ("model", "rows", "reserved", "usable", "parameters", "where"), rows),
            Words(
                f"Tutorials often state {wrong2} for GPT-2 and {wrong3} for GPT-3. The published models take "
                f"{gpt2.layout.usable_length} ({gpt2.source}) and {gpt3.layout.usable_length} ({gpt3.source})."
            ),
            Words(
                f"RoBERTa has {roberta.rows} rows for {roberta.layout.usable_length} positions: its first token reads "
                f"row {roberta.layout.reserved}, since padding reads row {roberta.padding_idx} and counting goes on "
                "from there."
            ),
        ],
    )


def _good_and_bad(example: Example, measured: Measured) -> Section:
    learned = next(arm for arm in measured.results["arms"] if arm["encoding"] == "learned")
    share = learned["cost"]["parameters"] / learned["parameters"] if learned.get("parameters") else None
    cost = f"{learned['cost']['parameters']:,} parameters here" + (f", {share:.1%} of the model" if share else "")
    bert = PRESETS["bert-base"]
    tokens = bert.text.vocab_size * bert.d_model if bert.text else 0
    good, bad = quality_words(measured.results)
    return Section(
        "Advantages and drawbacks",
        [
            Words("**For it:**"),
            Points(
                [
                    "One lookup and one addition; no base and no wavelengths to choose, only a length.",
                    "The rows become what the data need. " + _first_row(example),
                    *good,
                ]
            ),
            Words("**Against it:**"),
            Points(
                [
                    *bad,
                    f"It costs parameters: {cost}; BERT-base's table is {bert.parameters / tokens:.1%} of its token "
                    "table.",
                    f"It ends. Asked for one position more, BERT-base's table answers: {ask_past_the_table()}.",
                    "Rows that few texts reached are hardly trained, and no error says so (`posembed inspect` does).",
                    f"Neighbouring rows start unrelated: the cosine of two rows of a fresh table is "
                    f"{number(_fresh_cosine())} on average. Only training relates them.",
                ]
            ),
        ],
    )


def _first_row(example: Example) -> str:
    """The first row's norm beside the others'."""
    import numpy as np

    norms = np.linalg.norm(example.table.astype(np.float64), axis=1)
    return (
        f"In {example.model} the row of position 0 has norm {norms[0]:.2f}, the others {np.median(norms[1:]):.2f} in "
        "the median."
    )


def _fresh_cosine() -> float:
    """Mean cosine of neighbouring rows before any training."""
    import torch

    from posembed.nn.learned import LearnedPositionalEmbedding

    bert = PRESETS["bert-base"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        rows = LearnedPositionalEmbedding(bert.rows, bert.d_model).weight.detach()
    return float(torch.nn.functional.cosine_similarity(rows[1:], rows[:-1]).mean())


def _beyond(example: Example, measured: Measured) -> Section:
    return Section(
        "Longer than the table",
        [
            Words(
                "Often nothing is missing: documents are cut into passages before they are embedded, chats are "
                "trimmed, images are brought to one size. Where the longest input is known, a table of that length "
                "can be trained, on texts that fill it."
            ),
            Words("When inputs do get longer, there are these ways:"),
            Points(
                [
                    "**Extend** the table: make new rows from the old ones, `posembed extend MODEL LONGER --to N`. "
                    "Rows that are copied or interpolated keep what training taught; what they do to "
                    "quality must be measured.",
                    "**Calibrate** it: train the table alone on long texts, everything else frozen, as LongEmbed did "
                    "with E5 (Zhu et al. 2024, arXiv:2404.12096).",
                    "**Go on training** the whole model on long texts, as Longformer did (Beltagy et al. 2020, "
                    "arXiv:2004.05150).",
                    "**Another encoding**, in a model that is trained anew: RoPE (Su et al. 2021, arXiv:2104.09864) "
                    "turns queries and keys by their position, ALiBi (Press et al. 2022, arXiv:2108.12409) makes "
                    "attention fall with the distance. Neither has a table that could end.",
                ]
            ),
            *(Words(sentence) for sentence in beyond_words(measured.results)),
            extend_widget(example),
        ],
    )
