"""What a model's code forbids: tables that cannot be extended, and lengths that are not multiples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """A length that the model's code forbids, or a condition on lengths."""

    families: tuple[str, ...]
    reason: str
    multiple_of: str | int = 0  # a field, or a number
    power: int = 0  # the multiple is this number to the power of the field
    root: int = 0  # the multiple is this root of the field
    key: str = "."
    unless: tuple[str, str] | None = None  # a field, and its value with which the limit does not hold


LIMITS = (
    Limit(("*",), "NesT keeps its rows in blocks: only timm itself can resize it", key=r"levels\.\d+\.pos_embed$"),
    Limit(
        ("sam3_lite_text*",),
        "its code stretches the table over every input: no input is too long, and a longer table changes short ones",
        key=r"position_embedding\.position_embedding$",
    ),
    Limit(("canine",), "canine's rows are hash buckets shared by four tables: a longer table is another function"),
    Limit(("reformer",), "reformer's positions are axial: the product of two tables, whose shapes the code derives"),
    Limit(("patchtsmixer",), "other weights have the table's length: the model cannot take longer series"),
    Limit(("led",), "LED's windowed attention needs lengths that are multiples", "attention_window", key="encoder"),
    Limit(
        ("big_bird", "bigbird_pegasus"),
        "block-sparse attention needs lengths that are multiples",
        "block_size",
        unless=("attention_type", "original_full"),
    ),
    # timm's, without absolute windows: those are stretched.
    Limit(("timm/hiera_*_224*",), "its windows are merged three times by two: the grid's sides must be multiples", 8),
    Limit(
        ("hiera",), "its windows are merged three times by two: the grid's sides must be multiples", "num_query_pool", 2
    ),
    Limit(
        ("gemma3", "shieldgemma2", "t5gemma2"),
        "patches are averaged to a fixed number of tokens: the grid's sides must be multiples",
        "mm_tokens_per_image",
        root=2,
    ),
    Limit(
        ("informer", "autoformer", "time_series_transformer"),
        "its rows are context_length + prediction_length: build the model with other lengths instead",
        key="embed_positions",
    ),
    Limit(("mllama*",), "a second table, of tiles × patches, is looked up by aspect ratio: its rows cannot be resized"),
)
