"""Learned compared with sinusoidal, in the words of a comparison's results."""

from __future__ import annotations

from posembed.lesson.measured import PAIR
from posembed.presets import PRESETS
from posembed.records.comparison import Arm, Beyond, Comparison
from posembed.report.plots import DOUBLE
from posembed.report.terminal.compare import with_interval
from posembed.report.text_table import TextTable
from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis, sinusoidal_table

_NEWER = ("rope", "alibi")
_ADAM_COPIES = 3  # of each trainable number: its gradient, and the two moments of Adam
_FLEXIBILITY = "flexibility: share of the rows' variance that a few slow sinusoids explain"
_FIXED = "the first Transformer (Vaswani et al. 2017), Marian, Pegasus, Whisper's encoder"
_PUBLISHED = "Vaswani et al. 2017 (Table 3, row E) found no difference."


def versus_table(results: Comparison) -> TextTable:
    """Return parameters, memory, quality, generalization, flexibility and users of both, as measured."""
    arms = [arm for name in PAIR if (arm := results.arm(name)) is not None]
    costs = [arm.cost for arm in arms if arm.cost is not None]
    length = results.configuration.train_length
    factor = max((entry.factor for arm in arms for entry in arm.beyond), default=None)
    rows: list[tuple[str, ...]] = [
        ("parameters of the positions", *(f"{cost.parameters:,}" for cost in costs)),
        ("memory, float32", *(f"{cost.parameter_bytes + cost.fixed_bytes:,} bytes" for cost in costs)),
        ("memory of gradient and Adam's state", *(f"{_ADAM_COPIES * cost.parameter_bytes:,} bytes" for cost in costs)),
        (f"quality: loss at {length} tokens (nats per token)", *(with_interval(arm.quality) for arm in arms)),
    ]
    if factor is not None:
        longer = f"generalization: loss past {length}, at {round(factor * length)} tokens"
        rows.append((longer, *(_direct(arm, factor) for arm in arms)))
        rows.append(("the same, the table extended (linear)", *(_extended(arm, factor) for arm in arms)))
    families = dict.fromkeys(preset.family or preset.name for preset in PRESETS.values())
    rows += [
        (_FLEXIBILITY, *(_flexibility(arm, results) for arm in arms)),
        ("used by", ", ".join(families) + ", Whisper's decoder", _FIXED),
    ]
    return TextTable("Side by side: counted, and measured in one run", ("", *PAIR), rows)


def _entry(arm: Arm, method: str, factor: float) -> Beyond | None:
    return next((entry for entry in arm.measured(method) if entry.factor == factor), None)


def _direct(arm: Arm, factor: float) -> str:
    entry = _entry(arm, "direct", factor)
    if entry is None:
        return "not measured"
    return "an error: there are no rows" if entry.ended else with_interval(entry.loss_beyond)


def _extended(arm: Arm, factor: float) -> str:
    entry = _entry(arm, "linear", factor)
    return "nothing to extend" if entry is None else with_interval(entry.loss_beyond)


def _flexibility(arm: Arm, results: Comparison) -> str:
    if arm.flexibility is not None:
        share, random = arm.flexibility.explained_share, arm.flexibility.explained_share_random
        return f"{share:.0%} (random rows: {random:.0%}), and any other rows that the data ask for"
    trained = next(each.flexibility for each in results.arms if each.flexibility is not None)
    rows, width = results.configuration.train_length, results.configuration.d_model
    basis = sinusoidal_basis(rows, int(trained.functions))
    return f"{explained_share(sinusoidal_table(rows, width), basis):.0%}; the rows cannot change"


def quality_words(results: Comparison) -> tuple[list[str], list[str]]:
    """Return what the comparison says of quality: sentences for and against a learned table."""
    good: list[str] = []
    bad: list[str] = []
    for pair in results.differences:
        if pair.first != "learned" or pair.low is None:
            continue
        if pair.second == "sinusoidal":
            sentence = f"Within the trained length, in the run above: {pair.verdict}. {_PUBLISHED}"
            (bad if pair.low > 0 else good).append(sentence)
        elif pair.second in _NEWER and pair.low > 0:
            bad.append(f"Newer encodings can be better: {pair.verdict}.")
    return good, bad


def beyond_words(results: Comparison) -> list[str]:
    """Return what each encoding reached past the trained length, in one sentence, or nothing."""
    length = results.configuration.train_length
    losses = [
        (entry.loss_beyond.mean, f"{arm.label(entry.method)} {with_interval(entry.loss_beyond)}")
        for arm in results.arms
        for entry in arm.beyond
        if entry.factor == DOUBLE and entry.loss_beyond is not None and entry.loss_beyond.mean is not None
    ]
    if not losses:
        return []
    return [
        f"In the run above, trained at {length} tokens, the tokens from {length} to {2 * length} had these losses, "
        f"in the order of their means: {', '.join(words for _, words in sorted(losses))}. Nothing was trained on the "
        "longer texts."
    ]


def ask_past_the_table() -> str:
    """Return the library's error for a position without a row."""
    import torch

    from posembed.nn.learned import LearnedPositionalEmbedding

    bert = PRESETS["bert-base"]
    try:
        LearnedPositionalEmbedding(bert.rows, bert.d_model)(torch.tensor([bert.rows]))
    except IndexError as error:
        return f"IndexError: {error}"
    return "no error"
