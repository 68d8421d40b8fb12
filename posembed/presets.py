"""Published models with learned position tables, as data with their sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout

Init = Literal["normal", "truncated_normal"]


@dataclass(frozen=True, slots=True)
class TextEmbedding:
    """The published rest of a text model's embedding layer, besides the position table.

    Attributes:
        vocab_size: rows of the token table.
        type_vocab_size: rows of the segment table; 0 if there is none.
        layer_norm_eps: epsilon of the LayerNorm after the sum; ``None`` if there is none.
        dropout: dropout probability after the sum.
        padding_idx: row of the *token* table for the padding token, or ``None``.
    """

    vocab_size: int
    type_vocab_size: int = 0
    layer_norm_eps: float | None = None
    dropout: float = 0.0
    padding_idx: int | None = None


@dataclass(frozen=True, slots=True)
class PositionPreset:
    """A published position table.

    Attributes:
        name: the key in :data:`posembed.presets.PRESETS`.
        rows: rows of the table, reserved rows included.
        d_model: width of a row.
        layout: meaning of the rows.
        init_std: standard deviation of the initial rows; ``None`` if it was not published.
        source: publication of the numbers.
        init: distribution of the initial rows.
        padding_idx: row of the *position* table that padding tokens read (zero gradient), or ``None``.
        text: the rest of the embedding layer; ``None`` for image tables.
        note: pitfalls.
        family: name of the model family, such as ``"GPT-2"``; empty if not set.
    """

    name: str
    rows: int
    d_model: int
    layout: TableLayout
    init_std: float | None
    source: str
    init: Init = "normal"
    padding_idx: int | None = None
    text: TextEmbedding | None = None
    note: str = ""
    family: str = ""

    @property
    def parameters(self) -> int:
        """Number of parameters of the table, ``rows × d_model``."""
        return self.rows * self.d_model


#: All published tables, by name.
PRESETS: dict[str, PositionPreset] = {}


def _add(
    names_and_widths: dict[str, int],
    layout: TableLayout,
    source: str,
    *,
    family: str,
    init_std: float | None = 0.02,
    init: Init = "normal",
    padding_idx: int | None = None,
    text: TextEmbedding | None = None,
    note: str = "",
) -> None:
    for name, width in names_and_widths.items():
        PRESETS[name] = PositionPreset(
            name, layout.rows, width, layout, init_std, source, init, padding_idx, text, note, family
        )


_BERT_TEXT = TextEmbedding(30522, type_vocab_size=2, layer_norm_eps=1e-12, dropout=0.1, padding_idx=0)
_ROBERTA_LAYOUT = TableLayout(length=512, reserved=2)
_OPT_LAYOUT = TableLayout(length=2048, reserved=2)
_BART_TEXT = TextEmbedding(50265, layer_norm_eps=1e-5, dropout=0.1, padding_idx=1)

_add(
    {"bert-base": 768, "bert-large": 1024},
    TableLayout(length=512),
    "Devlin et al. 2019, arXiv:1810.04805; google-research/bert modeling.py (max_position_embeddings=512)",
    init="truncated_normal",
    text=_BERT_TEXT,
    family="BERT",
)
_add(
    {"distilbert-base": 768},
    TableLayout(length=512),
    "Sanh et al. 2019, arXiv:1910.01108; huggingface/transformers DistilBertConfig",
    text=TextEmbedding(30522, layer_norm_eps=1e-12, dropout=0.1, padding_idx=0),
    family="DistilBERT",
)
_add(
    {"electra-small": 128},
    TableLayout(length=512),
    "Clark et al. 2020, arXiv:2003.10555; google-research/electra (embedding_size=128)",
    init="truncated_normal",
    text=_BERT_TEXT,
    note="the embeddings are 128 wide; a linear layer after them widens to the model's 256",
    family="ELECTRA",
)
_add(
    {"roberta-base": 768, "roberta-large": 1024},
    _ROBERTA_LAYOUT,
    "Liu et al. 2019, arXiv:1907.11692; facebookresearch/fairseq LearnedPositionalEmbedding "
    "(num_embeddings + padding_idx + 1 rows)",
    padding_idx=1,
    text=TextEmbedding(50265, type_vocab_size=1, layer_norm_eps=1e-5, dropout=0.1, padding_idx=1),
    family="RoBERTa",
)
_add(
    {"xlm-roberta-base": 768, "xlm-roberta-large": 1024},
    _ROBERTA_LAYOUT,
    "Conneau et al. 2020, arXiv:1911.02116; configuration of xlm-roberta-base and -large",
    padding_idx=1,
    text=TextEmbedding(250002, type_vocab_size=1, layer_norm_eps=1e-5, dropout=0.1, padding_idx=1),
    family="XLM-R",
)
_add(
    {"mpnet-base": 768},
    _ROBERTA_LAYOUT,
    "Song et al. 2020, arXiv:2004.09297; microsoft/mpnet-base configuration",
    padding_idx=1,
    text=TextEmbedding(30527, layer_norm_eps=1e-5, dropout=0.1, padding_idx=1),
    note="two reserved rows whatever the configured pad id: padding_idx 1 is hard-coded in the model",
    family="MPNet",
)
_add(
    {"openai-gpt": 768},
    TableLayout(length=512),
    "Radford et al. 2018, Improving Language Understanding by Generative Pre-Training; openai/finetune-transformer-lm",
    text=TextEmbedding(40478, dropout=0.1),
    family="GPT-1",
)
_add(
    {"gpt2": 768, "gpt2-medium": 1024, "gpt2-large": 1280, "gpt2-xl": 1600},
    TableLayout(length=1024),
    "Radford et al. 2019, Language Models are Unsupervised Multitask Learners; "
    "openai/gpt-2 src/model.py (wpe: random_normal_initializer(stddev=0.01))",
    init_std=0.01,
    text=TextEmbedding(50257, dropout=0.1),
    note="0.01 in the original code; huggingface/transformers initializes with 0.02",
    family="GPT-2",
)
_add(
    {"gpt3-175b": 12288},
    TableLayout(length=2048),
    "Brown et al. 2020, arXiv:2005.14165, Table 2.1 and n_ctx = 2048",
    init_std=None,
    text=TextEmbedding(50257),
    note="initialization not published; the library's default 0.02 is used",
    family="GPT-3",
)
_add(
    {"opt-125m": 768, "opt-350m": 1024, "opt-1.3b": 2048, "opt-6.7b": 4096, "opt-175b": 12288},
    _OPT_LAYOUT,
    "Zhang et al. 2022, arXiv:2205.01068; huggingface/transformers OPTLearnedPositionalEmbedding (offset 2)",
    text=TextEmbedding(50272, padding_idx=1),
    note="no padding_idx on the position table; opt-350m's tokens are 512 wide and projected to 1024",
    family="OPT",
)
_add(
    {"bart-large-encoder": 1024, "bart-large-decoder": 1024},
    TableLayout(length=1024, reserved=2),
    "Lewis et al. 2020, arXiv:1910.13461; huggingface/transformers BartLearnedPositionalEmbedding (offset 2)",
    text=_BART_TEXT,
    note="ignores padding: positions count every token",
    family="BART",
)
_add(
    {"bigbird-base": 768},
    TableLayout(length=4096),
    "Zaheer et al. 2020, arXiv:2007.14062; google/bigbird-roberta-base configuration",
    text=TextEmbedding(50358, type_vocab_size=2, layer_norm_eps=1e-12, dropout=0.1, padding_idx=0),
    family="BigBird",
)
_add(
    {"vit-b-16": 768, "vit-l-16": 1024},
    TableLayout(grid=(14, 14), prefix=1),
    "Dosovitskiy et al. 2021, arXiv:2010.11929; google-research/vision_transformer (224 px, normal(0.02))",
    family="ViT",
)
_add(
    {"dinov2-b-14": 768},
    TableLayout(grid=(37, 37), prefix=1),
    "Oquab et al. 2023, arXiv:2304.07193; facebookresearch/dinov2 (518 px, trunc_normal_(0.02))",
    init="truncated_normal",
    family="DINOv2",
)
_add(
    {"clip-text-b": 512, "clip-text-l": 768},
    TableLayout(length=77),
    "Radford et al. 2021, arXiv:2103.00020; openai/CLIP clip/model.py (std 0.01)",
    init_std=0.01,
    text=TextEmbedding(49408),
    family="CLIP",
)
for _name, _width, _side in (
    ("clip-vision-b-32", 768, 7),
    ("clip-vision-b-16", 768, 14),
    ("clip-vision-l-14", 1024, 16),
):
    _add(
        {_name: _width},
        TableLayout(grid=(_side, _side), prefix=1),
        "Radford et al. 2021, arXiv:2103.00020; openai/CLIP clip/model.py (scale = width ** -0.5)",
        family="CLIP",
        init_std=_width**-0.5,
    )


def preset(name: str) -> PositionPreset:
    """Return a published position table by its key.

    Args:
        name: a key of :data:`posembed.presets.PRESETS`, such as ``"bert-base"``.

    Raises:
        InvalidArgumentError: if there is no such preset; the message lists all of them.

    Example:
        >>> p = preset("roberta-base")
        >>> p.rows, p.d_model, p.layout.reserved, p.layout.usable_length
        (514, 768, 2, 512)
        >>> preset("gpt3-175b").parameters
        25165824
    """
    try:
        return PRESETS[name]
    except (KeyError, TypeError):
        raise InvalidArgumentError(f"preset {name!r} is unknown; choose one of {', '.join(PRESETS)}") from None
