"""Tables that a file carries and the model's code does not read: the fields that decide it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switch:
    """A configuration field that decides whether the code of some families reads a position table.

    Attributes:
        families: ``model_type`` as shell patterns.
        field: the field, in the configuration that governs the table.
        read: its values with which the table is read.
        default: its value where the configuration does not have it.
        key: pattern of the keys that it decides about.
        beside: pattern of a key that must be in the file too; without it, the field says nothing.
    """

    families: tuple[str, ...]
    field: str
    read: tuple[object, ...]
    default: object
    key: str = r"position_embeddings?(?:\.weight)?$"
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A table that the code of some families never reads by position."""

    families: tuple[str, ...]
    key: str
    reason: str


# Transformers 4 read the field in all of these; since 5, they read the table whatever it says. Only files with tables
# of distances, which relative_key added, are of the time when it counted.
_BERT_LIKE = (
    "albert",
    "align*",
    "altclip*",
    "bert",
    "bert-generation",
    "blip*",
    "bridgetower*",
    "camembert",
    "chinese_clip*",
    "clap*",
    "data2vec-text",
    "electra",
    "ernie",
    "ibert",
    "instructblip*",
    "layoutlm",
    "layoutlmv2",
    "lilt",
    "luke",
    "markuplm",
    "megatron-bert",
    "mra",
    "nystromformer",
    "rembert",
    "roberta*",
    "roc_bert",
    "splinter",
    "tapas",
    "visual_bert",
    "xlm-roberta*",
    "xmod",
    "yoso",
)
DISTANCES = r"distance_embedding\.weight$"
# Tables of distances between patches. SAM's rel_pos_h and rel_pos_w follow their table (extension/buffer_rules.py).
GRID_DISTANCES = r"relative_position_bias_table$"

SWITCHES = (
    Switch(("esm",), "position_embedding_type", ("absolute",), "absolute"),
    Switch(("evolla*", "EvollaModel"), "position_embedding_type", ("absolute",), "rotary"),
    Switch(_BERT_LIKE, "position_embedding_type", ("absolute",), "absolute", beside=DISTANCES),
    Switch(
        ("detr", "*_detr", "table-transformer", "grounding-dino", "mm-grounding-dino", "maskformer"),
        "position_embedding_type",
        ("learned",),
        "sine",
        key=r"position_embedding\.(?:row|column)_embeddings\.weight$",
    ),
    Switch(("*",), "position_embedding_type", ("absolute", "learned"), "absolute"),
    Switch(("deberta*",), "position_biased_input", (True,), True),
    Switch(("beit", "data2vec-vision"), "use_absolute_position_embeddings", (True,), False),
    Switch(("internvl*", "qianfan_ocr*", "lw_detr*", "vitdet"), "use_absolute_position_embeddings", (True,), True),
    Switch(("swin*", "donut-swin", "maskformer-swin"), "use_absolute_embeddings", (True,), False),
    Switch(("*",), "use_abs_pos", (True,), True, key=r"pos_embed$"),
    Switch(("timm/*",), "use_abs_pos_emb", (True,), True, key=r"pos_embed$"),
    Switch(("yolos",), "use_mid_position_embeddings", (True,), True, key=r"mid_position_embeddings$"),
    Switch(("reformer",), "axial_pos_embds", (False,), True, key=r"position_embeddings\.embedding\.weight$"),
    Switch(("aimv2*",), "is_native", (False,), False),
    Switch(("patchtsmixer",), "use_positional_encoding", (True,), False, key=r"position_enc$"),
    Switch(("layoutlmv3",), "visual_embed", (True,), True, key=r"(?:^|\.)pos_embed$"),
    Switch(("trocr",), "use_learned_position_embeddings", (True,), True, key=r"embed_positions\.weight$"),
)
"""The first of a field that fits a table decides. Found in Transformers 5.23 by searching its modeling files for
conditions on the configuration around position tables; ``tests/find/families/test_switches_real_models.py`` builds the
models."""

UNREAD = (
    Unread(
        ("decision_transformer",),
        r"encoder\.wpe\.weight$",
        "DecisionTransformerModel gives every token position 0: time steps have a table of their own",
    ),
    Unread(("paddleocr_vl*",), r"packing_position_embedding", "Transformers ignores it when it loads the file"),
)

# Families without a table in the file: the model computes a sinusoid from its configuration.
COMPUTED = (
    "canary*",
    "ctrl",
    "kosmos-2*",
    "kosmos_2*",
    "m2m_100",
    "marian",  # MarianMTModel leaves its table out of what it saves; older files have it
    "musicgen*",
    "nllb-moe",
    "pegasus_x",
    "seamless_m4t*",
    "speech_to_text*",
    "speecht5*",
    "tipsv2_text_model",
    "trocr",
    "videomae",
    "xglm",
)
