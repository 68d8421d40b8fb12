"""The lesson's later sections: learned against sinusoidal, published models, for and against, longer inputs."""

from __future__ import annotations

from posembed.lesson.blocks import Charts, Layouts, Points, Section, Words
from posembed.lesson.example import Example
from posembed.lesson.measured import Measured
from posembed.lesson.versus import ask_past_the_table, beyond_words, quality_words, versus_table
from posembed.lesson.widgets import extend_widget, sinusoid_widget
from posembed.presets import PRESETS
from posembed.report.html.compare import beyond_chart, position_chart
from posembed.report.numbers import number
from posembed.report.terminal.compare import remarks
from posembed.report.text_table import TextTable

_DRAWN = ("bert-base", "gpt2", "gpt3-175b", "roberta-base")


def versus_section(measured: Measured) -> Section:
    """Return the section on learned and sinusoidal positions, as measured."""
    return Section(
        "Learned against sinusoidal",
        [
            Words(
                "The other classic encoding is a formula: sines and cosines of the position at many wavelengths "
                "(Vaswani et al. 2017). Nothing in it is trained, and it has a row for any position. Both were trained "
                "in the same small model on the same text, from the same initial weights; only the positions differ. "
                "Losses are in nats (natural logarithm) per token; lower is better."
            ),
            versus_table(measured.results),
            Words(
                "The run's verdicts, each paired over the same documents and seeds, which is why a difference can be "
                "significant where two intervals overlap. They hold for this run; another processor or training length "
                "can move small differences past zero."
            ),
            Points(measured.results.verdict),
            Charts([position_chart(measured.results), beyond_chart(measured.results)]),
            Words("In the second chart, 1× is measured on the documents that are long enough for the longest input."),
            Words(f"How it was measured. {measured.origin}"),
            Points(remarks(measured.results, errors=False)),
        ],
    )


def sinusoid_section(example: Example) -> Section:
    """Return the section on the rows themselves: variants of the sinusoid beside learned rows."""
    return Section(
        "What the rows look like",
        [
            Words(
                "Three variants of the sinusoid are in use: pairs side by side (`interleaved`, the original), all "
                "sines before all cosines (`half`), and the same with other wavelengths (`fairseq`). They "
                "are not interchangeable in a trained model. Next to the table is the similarity (cosine) of every "
                "pair of positions: that of a sinusoid depends on the distance alone, falls at first, then goes up and "
                "down; that of a learned table is whatever training made it."
            ),
            sinusoid_widget(example),
        ],
    )


def models_section() -> Section:
    """Return the section on published tables, with their sources."""
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
                f"row {roberta.layout.reserved}, since padding reads row {roberta.padding_idx} and counting "
                "continues from there."
            ),
        ],
    )


def good_and_bad_section(example: Example, measured: Measured) -> Section:
    """Return the section on advantages and drawbacks of a learned table."""
    cost = _cost(measured)
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
                    "Rows that few texts reach are hardly trained, and no error says so (`posembed inspect` does).",
                    f"Neighboring rows start unrelated: the cosine of two rows of a fresh table is "
                    f"{number(_fresh_cosine())} on average. Only training relates them.",
                ]
            ),
        ],
    )


def _cost(measured: Measured) -> str:
    """Return what the measured table costs, in words."""
    learned = measured.results.arm("learned")
    if learned is None or learned.cost is None:
        return "one number for each position and dimension"
    parameters = f"{learned.cost.parameters:,} parameters here"
    return (
        f"{parameters}, {learned.cost.parameters / learned.parameters:.1%} of the model"
        if learned.parameters
        else parameters
    )


def _first_row(example: Example) -> str:
    """Return the norm of the first row compared with that of the others."""
    import numpy as np

    norms = np.linalg.norm(example.table.astype(np.float64), axis=1)
    return (
        f"In {example.model} the row of position 0 has norm {norms[0]:.2f}; the median of the "
        f"others is {np.median(norms[1:]):.2f}."
    )


def _fresh_cosine() -> float:
    """Return the mean cosine of neighboring rows before any training."""
    import torch

    from posembed.nn.learned import LearnedPositionalEmbedding

    bert = PRESETS["bert-base"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        rows = LearnedPositionalEmbedding(bert.rows, bert.d_model).weight.detach()
    return float(torch.nn.functional.cosine_similarity(rows[1:], rows[:-1]).mean())


def beyond_section(example: Example, measured: Measured) -> Section:
    """Return the section on longer inputs: why they are often not needed, and what to do where they are."""
    return Section(
        "Longer than the table",
        [
            Words(
                "Often a longer table is not needed: documents are split into passages before they are embedded, "
                "chats are trimmed, images are resized. Where the longest input is known, a table of that length can "
                "be trained, on texts that fill it."
            ),
            Words("When inputs do get longer, there are four options:"),
            Points(
                [
                    "**Extend** the table: make new rows from the old ones, `posembed extend MODEL LONGER --to N`. "
                    "Rows that are copied or interpolated keep what was learned; their effect on quality must be "
                    "measured.",
                    "**Calibrate** it: train the table alone on long texts, everything else frozen, as LongEmbed did "
                    "with E5 (Zhu et al. 2024, arXiv:2404.12096).",
                    "**Continue training** the whole model on long texts, as Longformer did (Beltagy et al. 2020, "
                    "arXiv:2004.05150).",
                    "**Another encoding**, in a model that is trained from scratch: RoPE (Su et al. 2021, "
                    "arXiv:2104.09864) rotates queries and keys by their position, ALiBi (Press et al. 2022, "
                    "arXiv:2108.12409) makes attention fall with the distance. Neither has a table that could end.",
                ]
            ),
            *(Words(sentence) for sentence in beyond_words(measured.results)),
            extend_widget(example),
        ],
    )
