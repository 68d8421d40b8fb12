"""The laws that model families follow, as data: what a key's name means, and where each family departs from that.

A new family usually needs one line in one of these tables, or none: see ``docs`` on adding a family. Every table is
read from top to bottom, the first match wins. Patterns are searched in the key of the file; families are the
``model_type`` of the innermost configuration that governs the tensor, as shell patterns.

Sources: the modelling files of Hugging Face Transformers 5.23 and timm 1.0.31, read and run; the census in
``benchmarks/census`` checks each against the behaviour of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

# --- Names -----------------------------------------------------------------------------------------------------------

# A key is looked at only where a whole word of it speaks of positions ("post_layernorm" does not).
POSITION_WORD = (
    r"(?:^|[._])(?:pos|position|positions|positional|wpe|pos_?emb(?:ed)?s?)(?=[._\d]|$)"
    r"|(?:^|[._])(?:row|column|col)_embed(?:der|dings?)s?(?=[._]|$)|embed_timestep|time_embeddings?$|relative_attention_bias"
)

TOKEN_TYPE = r"(?:token_type|segment)_embeddings?(?:_\d+)?\.weight$"


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A tensor that sounds like a position table and is none."""

    key: str
    reason: str
    families: tuple[str, ...] = ("*",)
    values_decide: bool = False  # the family alone does not: a table of other values is a table


# Layers and other tensors that merely carry the word: not tables of any kind, not worth reporting one by one.
NOT_A_TABLE = (
    r"(?:proj|projector|projection|projection_layer|linear_pos|dense|conv1?\d?|norm|layer_?norm|ln)\.(?:weight|bias)$"
    r"|(?:head|mlp|layers?|conv|project)\.\d+\.(?:weight|bias)$|_enc_project\.|\.bias$"
)

LOOK_ALIKES = (
    LookAlike(r"pos_conv|conv_pos|positional_conv", "positions come from a convolution: there are no rows to extend"),
    LookAlike(
        r"relative_pos|rel_pos|relative_attention|rel_embed|relative_bias|position_bias|pos_bias|bias_table|rpb"
        r"|rel_attn|distance_embedding|relative_key",
        "a table of relative positions: its rows are distances, not positions",
    ),
    LookAlike(r"pe_[kv]\.weight$", "a table of relative positions: its rows are distances, not positions"),
    LookAlike(r"position_embeddings\.weights\.\d+$", "one factor of an axial encoding: a position is a pair of rows"),
    LookAlike(r"rotary|inv_freq|rope|freqs_c", "a rotary buffer: computed, not learned"),
    LookAlike(r"class_pos_emb$", "a rotary angle of the class token: not a table of positions"),
    LookAlike(r"query_pos", "positions of object queries: slots of the output, not of the input"),
    LookAlike(
        r"(?:shared_image_embedding|pe_layer|prompt_encoder)\.(?:\w+\.)*positional_\w+$",
        "a random Fourier matrix: positions are computed from it, it has no row per position",
    ),
    LookAlike(r"memory_\w*positional|memory_temporal", "marks memory frames by their age, not positions of the input"),
    LookAlike(r"position_ids?$|\.positions?$", "numbers of positions (a buffer), not a table"),
    LookAlike(r"(?:tile|patch)_positional_embedding|tile_embedding", "marks image tiles, one row an aspect ratio"),
    LookAlike(r"weight_integer$", "a quantised copy of a table, made anew whenever it is read"),
    LookAlike(r"(?:height|width)_rel$|self_attn\.pos_emb$", "a table of relative positions: its rows are distances"),
)

# Fixed sinusoids saved under a table's name. Where values can be read, constant row norms say the same (find.py).
SINUSOIDS = (
    LookAlike(r"encoder\.embed_positions|^embed_positions", "a frozen sinusoid", ("whisper*",)),
    LookAlike(r"^embed_positions", "a frozen sinusoid", ("*audio*", "voxtral*"), values_decide=True),
    LookAlike(r"embed_positions", "a frozen sinusoid", ("marian", "pegasus", "pegasus_x", "roformer", "*former")),
    LookAlike(r"embed_positions", "a sinusoid (trainable in name only)", ("fsmt",)),
    LookAlike(
        r"audio_(?:tower|model|encoder)\.(?:\w+\.)?embed_positions",
        "a frozen sinusoid of the audio encoder",
        values_decide=True,
    ),
    LookAlike(r"position_embeddings", "a frozen two-dimensional sinusoid", ("vit_mae",)),
)
# Families whose configuration says which of the two it is; the key and the shape are the same.
SINUSOID_SWITCHES = {
    "distilbert": ("sinusoidal_pos_embds", True),
    "xlm": ("sinusoidal_embeddings", True),
    "flaubert": ("sinusoidal_embeddings", True),
    "patchtst": ("positional_encoding_type", "sincos"),
    "patchtsmixer": ("positional_encoding_type", "sincos"),
}

# --- Sequences -------------------------------------------------------------------------------------------------------

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


@dataclass(frozen=True, slots=True)
class Offset:
    """Where the first position's row is, for families that do not start at row 0.

    ``reserved`` is a number of rows, or ``"pad"`` for ``pad_token_id + 1`` (``default_pad`` where the configuration
    leaves the pad out).
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

# Positions that the last rows are needed for beyond the input: (families, key, rows).
LOOK_AHEAD = ((("prophetnet", "xlm-prophetnet"), r"decoder\.position_embeddings\.weight$", 1),)

# --- Grids -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Side:
    """Extra rows that do not stand before the grid: field (or number) of rows after it."""

    families: tuple[str, ...]
    suffix: int | str
    source: str


SUFFIXES = (
    Side(("llama4_vision_model", "llama4"), 1, "the class token is appended after the patches"),
    Side(("yolos",), "num_detection_tokens", "class row, grid, then one row a detection token"),
)

# How a family resizes its own grid at run time: (mode, antialias, align_corners). What is not listed: bicubic.
RESIZES: tuple[tuple[tuple[str, ...], tuple[str, bool, bool]], ...] = (
    (("timm/hieradet*", "timm/sam2_hiera*"), ("bicubic", False, False)),
    (("timm/qwen3*",), ("bilinear", False, True)),
    (("timm", "timm/*"), ("bicubic", True, False)),
    (("rf_detr*", "dinov2_with_registers"), ("bicubic", True, False)),
    (("dpt",), ("bilinear", False, False)),
    (("tipsv2*",), ("bilinear", True, False)),
    (("vilt",), ("bilinear", False, True)),
    (("siglip2*", "lfm2_vl"), ("bilinear", True, False)),
    (("qwen3_vl*", "qwen3_5*", "qwen3_omni*", "qwen4_exp*", "cosmos3*"), ("bilinear", False, True)),
    (("idefics2*", "idefics3*", "smolvlm*"), ("nearest", False, False)),
    (("sam3*",), ("tile", False, False)),
)
DEFAULT_RESIZE = ("bicubic", False, False)

# Fields that give the image's side or the patch's side in pixels, and fields that count grid rows.
IMAGE_FIELDS = (
    "pretrain_image_size",
    "image_size",
    "img_size",
    "max_img_size",
    "max_image_size",
    "input_size",
    "resolution",
)
PATCH_FIELDS = ("patch_size", "patch_sizes", "patch_stride", "tubelet_size")
GRID_COUNT_FIELDS = (
    "num_position_embeddings",
    "position_embedding_size",
    "num_patches",
    "max_num_patches",
    "image_num_patches",
    "max_position_embeddings",
)
# timm: images are read from the first of these; both are written where the model takes `img_size`.
TIMM_SIZES = ("model_args.img_size", "pretrained_cfg.input_size")
TIMM_FIXED = r"naflex|qwen3|hieradet|sam2_hiera"  # these take no img_size

# Fields, in any part of a configuration, that repeat how many tokens an image becomes.
IMAGE_TOKEN_FIELDS = ("image_seq_length", "image_seq_len", "num_image_tokens", "image_token_num")
GRID_SIDE_FIELDS = (
    ("pos_emb_height", "pos_emb_width"),
    ("init_pos_emb_height", "init_pos_emb_width"),
    ("posemb_grid_size", ""),
    ("window_positional_embedding_background_size", ""),
)

# Fields that must hold one and the same image size, whichever of them explains a table.
SHARED_SIZES = (
    (
        ("depth_pro",),
        ("patch_size", "image_model_config.image_size", "patch_model_config.image_size", "fov_model_config.image_size"),
    ),
)

# Spectrogram models cut (mel bins × frames) into overlapping patches: (bins, frames, patch, strides).
SPECTROGRAM_FIELDS = ("num_mel_bins", "max_length", "patch_size", "frequency_stride", "time_stride")

# Tables of stages, each on a coarser grid than the last: the image is divided by the patches of all stages so far.
PYRAMID_FIELDS = ("image_size", "patch_sizes")

# Tables over frames × grid, flattened: the number of frames, and how many of them make one row.
VIDEO_FIELDS = ("num_frames", "tubelet_size", "image_size")

# Families whose code takes an image of two different sides where the configuration holds one number.
OBLONG = (
    "vit",
    "deit",
    "vit_msn",
    "ijepa",
    "flava_image_model",
    "groupvit_vision_model",
    "vitpose_backbone",
    "mgp-str",
)

# --- What cannot be done ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """A length that the model's code forbids, or a condition on it."""

    families: tuple[str, ...]
    reason: str
    multiple_of: str | int = 0  # a field, or a number
    power: int = 0  # the multiple is this number to the power of the field
    key: str = "."


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
    Limit(("big_bird", "bigbird_pegasus"), "block-sparse attention needs lengths that are multiples", "block_size"),
    Limit(
        ("hiera",), "its windows are merged three times by two: the grid's sides must be multiples", "num_query_pool", 2
    ),
    Limit(("granite_docling*",), "patches are merged in squares: the grid's sides must be multiples", "scale_factor"),
    Limit(("mllama*",), "a second table, of tiles × patches, is looked up by aspect ratio: its rows cannot be resized"),
)
