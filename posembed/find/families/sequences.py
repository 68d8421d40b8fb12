"""Sequence tables: the fields that count their rows, and the row of the first position."""

from __future__ import annotations

from dataclasses import dataclass

# Fields that count rows of a sequence table, the usual ones first.
LENGTH_FIELDS = (
    "max_position_embeddings",
    "n_positions",
    "max_target_positions",
    "max_source_positions",
    "max_encoder_position_embeddings",
    "max_decoder_position_embeddings",
    "context_length",
    "n_ctx",
    "max_speech_tokens",
    "max_text_tokens",
    "max_ep_len",
    "max_2d_position_embeddings",
    "block_size",
    "seq_length",
    "max_seq_len",
    "max_seq_length",
    "num_frames",
)


# Any other field that may count rows.
LENGTH_WORD = r"pos|len|ctx|context|max_"


@dataclass(frozen=True, slots=True)
class Offset:
    """The row of the first position, for families that do not start at row 0.

    ``reserved`` is a number of rows, or ``"pad"`` for ``pad_token_id + 1`` (``default_pad`` if the configuration has no
    ``pad_token_id``).
    """

    families: tuple[str, ...]
    reserved: int | str
    source: str
    key: str = r"(?:^|\.)position_embeddings\.weight$"
    default_pad: int = 1


OFFSETS = (
    Offset(("luke", "mluke"), 0, "LukeEntityEmbeddings counts from 0", key=r"entity_embeddings\."),
    Offset(("mpnet",), 2, "MPNetEmbeddings sets padding_idx = 1 whatever the configuration says"),
    Offset(
        (
            "roberta",
            "roberta-prelayernorm",
            "xlm-roberta",
            "xlm-roberta-xl",
            "camembert",
            "esm",
            "longformer",
            "luke",
            "mluke",
            "layoutlmv3",
            "ibert",
            "data2vec-text",
            "xmod",
            "clap_text_model",
            "altclip_text_model",
            "bridgetower_text_model",
            "bridgetower",
            "clap",
            "altclip",
        ),
        "pad",
        "positions count from padding_idx + 1, as in fairseq's RoBERTa",
    ),
    Offset(("prophetnet", "xlm-prophetnet"), "pad", "positions count from padding_idx + 1", default_pad=0),
    Offset(
        ("lilt", "markuplm"),
        "pad",
        "positions count from padding_idx + 1",
        key=r"(?:^|[._])position_embeddings\.weight$",
        default_pad=0,
    ),
    Offset(("nystromformer", "yoso", "mra"), 2, "the table has two rows more than its field, positions count from 2"),
    Offset(("led", "bigbird_pegasus", "blenderbot*", "whisper"), 0, "no offset", key=r"embed_positions\.weight$"),
    Offset(
        ("bart", "mbart", "plbart", "mvp", "opt", "biogpt", "trocr", "xglm", "pp_formulanet*", "*"),
        2,
        "the table has two rows more than its field, positions count from 2 (as in fairseq's BART)",
        key=r"embed_positions\.weight$",
    ),
)
"""Applied where the family matches; the last line applies to any family whose rows are two more than its field."""


@dataclass(frozen=True, slots=True)
class LookAhead:
    """Last rows that the model reads beyond the end of its input."""

    families: tuple[str, ...]
    key: str
    rows: int


LOOK_AHEAD = (LookAhead(("prophetnet", "xlm-prophetnet"), r"decoder\.position_embeddings\.weight$", 1),)
