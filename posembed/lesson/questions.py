"""The eight questions, each with a proof that the library computes when it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LETTERS = "ABCD"


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        text: the question itself.
        options: four answers, in a fixed order.
        right: letter of the right answer.
        proof: computes the lines that prove it.
    """

    text: str
    options: tuple[str, str, str, str]
    right: str
    proof: Callable[[], list[str]]


def _shape() -> list[str]:
    from posembed.nn.learned import LearnedPositionalEmbedding

    table = LearnedPositionalEmbedding(512, 768).weight
    return [f"LearnedPositionalEmbedding(512, 768).weight.shape → {tuple(table.shape)}: one row for each position"]


def _gradient() -> list[str]:
    import torch

    from posembed.nn.learned import LearnedPositionalEmbedding

    position = LearnedPositionalEmbedding(4, 8)
    position(3).pow(2).sum().backward()
    assert position.weight.grad is not None
    sizes = position.weight.grad.norm(dim=1).tolist()
    shown = ", ".join(f"{size:.3f}" for size in sizes)
    return [
        f"isinstance(weight, torch.nn.Parameter) → {isinstance(position.weight, torch.nn.Parameter)}",
        f"gradient of each row after a backward pass over positions 0 to 2: {shown}: the rows that were read learn",
    ]


def _models() -> list[str]:
    from posembed.presets import PRESETS

    names = ("bert-base", "gpt2", "roberta-base")
    return [f"{name}: {PRESETS[name].rows} rows × {PRESETS[name].d_model} ({PRESETS[name].source})" for name in names]


def _past_the_table() -> list[str]:
    import torch

    from posembed.nn.learned import LearnedPositionalEmbedding

    outcome = "no error"
    try:
        LearnedPositionalEmbedding(512, 768)(torch.tensor([512]))
    except IndexError as error:
        outcome = f"IndexError: {error}"
    return [f"LearnedPositionalEmbedding(512, 768)(torch.tensor([512])) → {outcome}"]


def _sum() -> list[str]:
    import torch

    from posembed.nn.token_position import TokenPositionEmbedding

    embed = TokenPositionEmbedding(100, 16, 8)
    ids = torch.tensor([[7, 42, 7]])
    assert embed.position is not None
    by_hand = embed.token(ids) + embed.position(3)
    difference = (embed(ids) - by_hand).abs().max().item()
    return [f"largest difference of embed(ids) and token rows + position rows: {difference:g}"]


def _trained_or_not() -> list[str]:
    from posembed.nn.learned import LearnedPositionalEmbedding
    from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding

    learned, fixed = (
        sum(p.numel() for p in module.parameters())
        for module in (LearnedPositionalEmbedding(512, 768), SinusoidalPositionalEmbedding(512, 768))
    )
    return [f"trainable numbers at 512 × 768: learned {learned:,}, sinusoidal {fixed:,}"]


def _count() -> list[str]:
    from posembed.nn.learned import LearnedPositionalEmbedding

    count = sum(p.numel() for p in LearnedPositionalEmbedding(512, 768).parameters())
    return [f"sum(p.numel() for p in LearnedPositionalEmbedding(512, 768).parameters()) → {count:,}"]


def _bert() -> list[str]:
    from posembed.presets import PRESETS

    bert = PRESETS["bert-base"]
    return [f"preset('bert-base'): a learned table of {bert.rows} × {bert.d_model}; source: {bert.source}"]


QUESTIONS: tuple[Question, ...] = (
    Question(
        "A model takes up to max_len tokens of width d_model. What is the shape of its learned position table?",
        ("[vocab_size, d_model]", "[max_len, d_model]", "[d_model, d_model]", "[max_len, max_len]"),
        "B",
        _shape,
    ),
    Question(
        "What kind of quantity is such a table?",
        (
            "a constant, computed from sines and cosines",
            "a parameter: gradients change it during training",
            "a random array, drawn again for every input",
            "a hyperparameter, tuned before training",
        ),
        "B",
        _gradient,
    ),
    Question(
        "Which of these models add a learned position table to their token embeddings?",
        (
            "the original Transformer in its main configuration",
            "BERT, GPT-2 and RoBERTa",
            "T5 and LLaMA",
            "only models that read images",
        ),
        "B",
        _models,
    ),
    Question(
        "What is the main drawback of a learned table?",
        (
            "it cannot be trained together with the model",
            "it has no row for a position past its last one",
            "it gives all positions the same row",
            "it always needs more memory than the token table",
        ),
        "B",
        _past_the_table,
    ),
    Question(
        "How do a token's row and its position's row become the model's input?",
        (
            "they are concatenated",
            "they are added, number by number",
            "they are multiplied, number by number",
            "the larger of each pair of numbers is taken",
        ),
        "B",
        _sum,
    ),
    Question(
        "What mainly distinguishes a learned table from the sinusoidal encoding?",
        (
            "it is added after the attention layers",
            "its rows are learned from data; a sinusoid's follow from a formula",
            "it does not depend on the position",
            "it works for inputs of any length",
        ),
        "B",
        _trained_or_not,
    ),
    Question(
        "How many parameters does a table have with max_len 512 and d_model 768?",
        ("1,280", "262,144", "393,216", "589,824"),
        "C",
        _count,
    ),
    Question(
        "Which position encoding does BERT use?",
        ("sinusoidal, fixed", "learned, absolute", "rotary", "relative biases"),
        "B",
        _bert,
    ),
)
