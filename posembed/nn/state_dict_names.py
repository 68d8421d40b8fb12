"""How model families name their embeddings in a Transformers state dict, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamingLaw:
    """How a family names its embeddings.

    Attributes:
        names: name in the module → names under the family's prefix, the current one first.
        prefix_end: ending of the prefix.
        bare: whether the prefix may also be empty.
        reserved: rows before position 0; ``"padding_idx + 1"`` as in RoBERTa; ``None`` if not known.
        buffers: names of old buffers.
        neighbors: first words of other parts under the same prefix.
        unsupported: names of parts that the module does not compute, and why.
    """

    names: Mapping[str, tuple[str, ...]]
    prefix_end: str
    reserved: int | str | None = 0
    buffers: tuple[str, ...] = ()
    bare: bool = False
    neighbors: tuple[str, ...] = ()
    unsupported: Mapping[str, str] | None = None


_BERT_NAMES = {
    "token.weight": ("word_embeddings.weight",),
    "position.weight": ("position_embeddings.weight",),
    "segment.weight": ("token_type_embeddings.weight",),
    "norm.weight": ("LayerNorm.weight", "LayerNorm.gamma"),  # gamma and beta: checkpoints from TensorFlow
    "norm.bias": ("LayerNorm.bias", "LayerNorm.beta"),
}
_BERT_BUFFERS = ("position_ids", "token_type_ids")

# The first law that fits a key applies, so the law without a name comes after those with one.
NAMING_LAWS = {
    "bert": NamingLaw(_BERT_NAMES, "bert.embeddings.", 0, _BERT_BUFFERS),
    "roberta": NamingLaw(_BERT_NAMES, "roberta.embeddings.", "padding_idx + 1", _BERT_BUFFERS),
    "distilbert": NamingLaw(_BERT_NAMES, "distilbert.embeddings.", 0, _BERT_BUFFERS),
    "mpnet": NamingLaw(_BERT_NAMES, "mpnet.embeddings.", 2, _BERT_BUFFERS),
    "bert-like": NamingLaw(_BERT_NAMES, "embeddings.", None, _BERT_BUFFERS, bare=True),
    "gpt2": NamingLaw(
        {"token.weight": ("wte.weight",), "position.weight": ("wpe.weight",)},
        "",
        neighbors=("h", "ln_f", "lm_head", "score", "classifier", "qa_outputs", "multiple_choice_head"),
    ),
    "opt": NamingLaw(
        {"token.weight": ("embed_tokens.weight",), "position.weight": ("embed_positions.weight",)},
        "decoder.",
        2,
        bare=True,
        neighbors=("layers", "final_layer_norm", "project_out"),
        unsupported={"project_in.weight": "it projects the tokens before positions are added; the module does not"},
    ),
}
