"""What the name of a tensor says: which names belong to position tables, which only sound like them."""

from __future__ import annotations

from dataclasses import dataclass

# A key is considered only if a whole word of it speaks of positions ("post_layernorm" does not).
POSITION_WORD = (
    r"(?:^|[._])(?:pos|position|positions|positional|wpe|pos_?emb(?:ed)?s?)(?=[._\d]|$)"
    r"|(?:^|[._])(?:row|column|col)_embed(?:der|dings?)s?(?=[._]|$)|embed_timestep|time_embeddings?$|relative_attention_bias"
    r"|distance_embedding"
)

TOKEN_TYPE = r"(?:token_type|segment)_embeddings?(?:_\d+)?\.weight$"


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A tensor whose name sounds like a position table, and which is not one."""

    key: str
    reason: str
    families: tuple[str, ...] = ("*",)
    values_decide: bool = False  # only if the values are a sinusoid's too: the family also has learned tables


# Layers and other tensors that merely carry the word: not tables of any kind, and too many to report one by one.
NOT_A_TABLE = (
    r"(?:proj|projector|projection|projection_layer|linear_pos|dense|conv1?\d?|norm|layer_?norm|ln)\.(?:weight|bias)$"
    r"|(?:head|mlp|layers?|conv|project)\.\d+\.(?:weight|bias)$|_enc_project\.|\.bias$"
)

POSITION_NUMBERS = "numbers of positions (a buffer), not a table"

LOOK_ALIKES = (
    LookAlike(r"pos_conv|conv_pos|positional_conv", "positions come from a convolution: there are no rows to extend"),
    LookAlike(
        r"relative_pos|rel_pos|relative_attention|rel_embed|relative_bias|position_bias|pos_bias|bias_table|rpb"
        r"|rel_attn|distance_embedding|relative_key",
        "a table of relative positions: its rows are distances, not positions",
    ),
    LookAlike(
        r"embed_positions\.pe$", "a sinusoid of distances, which its module computes: there are no rows to extend"
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
    LookAlike(r"position_ids?$|\.positions?$", POSITION_NUMBERS),
    LookAlike(r"(?:tile|patch)_positional_embedding|tile_embedding", "marks image tiles, one row per aspect ratio"),
    LookAlike(r"weight_integer$", "a quantized copy of a table, recomputed whenever it is read"),
    LookAlike(r"(?:height|width)_rel$|self_attn\.pos_emb$", "a table of relative positions: its rows are distances"),
)


@dataclass(frozen=True, slots=True)
class Sinusoid(LookAlike):
    """A fixed sinusoid that some families save under a table's name."""

    of_text: bool = True  # a row is a token's, not a stretch of sound or a patch
    grows: bool = False  # the model lengthens it by itself


# Where values can be read, constant row norms say the same (find/sinusoids.py).
SINUSOIDS = (
    Sinusoid(r"encoder\.embed_positions|^embed_positions", "a frozen sinusoid", ("whisper*",), of_text=False),
    Sinusoid(r"^embed_positions", "a frozen sinusoid", ("*audio*", "voxtral*"), values_decide=True, of_text=False),
    Sinusoid(r"embed_positions", "a frozen sinusoid", ("marian", "pegasus", "pegasus_x", "roformer", "*former")),
    Sinusoid(r"embed_positions", "a sinusoid (trainable in name only)", ("fsmt",), grows=True),
    Sinusoid(
        r"audio_(?:tower|model|encoder)\.(?:\w+\.)?embed_positions",
        "a frozen sinusoid of the audio encoder",
        values_decide=True,
        of_text=False,
    ),
    Sinusoid(
        r"position_embeddings|decoder_pos_embed", "a frozen two-dimensional sinusoid", ("vit_mae",), of_text=False
    ),
)
# Families whose configuration says whether the table is learned; key and shape are the same. Family: (field, value).
SINUSOID_SWITCHES = {
    "distilbert": ("sinusoidal_pos_embds", True),
    "xlm": ("sinusoidal_embeddings", True),
    "flaubert": ("sinusoidal_embeddings", True),
    "patchtst": ("positional_encoding_type", "sincos"),
    "patchtsmixer": ("positional_encoding_type", "sincos"),
}

# --- What the name says about the rows --------------------------------------------------------------------------------

# Tables indexed by the value of one coordinate.
AXIS = r"(?:^|[._])(?:[xywh]|row|col|column)_(?:pos\w*|embed\w*)|pos_embed_[xy]$"
# Tables of time steps or frames.
TIME = r"temporal|time_embed|timestep|(?:^|\.)mit\."
# Windows that are tiled over a grid (Hiera in SAM 2), and NesT's rows in blocks.
WINDOW = r"pos_embed_win(?:dow)?$"
# Pixels inside one patch, the same rows for every patch (TNT): they grow with the patch, not with the image.
INSIDE_PATCH = r"(?:^|\.)(?:pixel|inner)_pos$"
BLOCKS = r"levels\.\d+\.pos_embed$"

# Words of the parts of a model that read images, and of those that read texts.
IMAGE_WORD = r"(?:^|[._])(?:vision|visual|image|img|video|patch|vit|pixel)"
TEXT_WORD = r"(?:^|[._])(?:text|language_model|decoder|bert|roberta|wpe|qformer|transformer)"

# Names that are a position table's beyond doubt, and those that are a text's even without a configuration.
CONVENTIONAL = (
    r"(?:position_embeddings?|embed_positions|positions_embed|wpe|pos_embed|pos_emb|positional_embedding"
    r"|position_embeds_layer|position_embedding_table)(?:_?\d+)?(?:\.weight)?$"
)
TEXT_TABLE = r"(?:^|\.)(?:wpe|positional_embedding|positions_embed)(?:\.weight)?$"

# Parameters stored beside an image's table: tokens that take rows of it, and the kernel that cuts the patches.
EXTRA_TOKEN = r"(?:^|[._])(?:cls|class|dist|distillation|reg|register)_?(?:token|embedding|embed)s?_?\d*$"
# The map from a patch to a token, linear or a convolution.
PATCH_WEIGHT = r"(?:^|\.)patch_?embed\w*\.(?:\w+\.)*weight$"
PATCH_KERNEL = r"(?:^|\.)patch_embed\.(?:.*\.)?(?:proj|conv)\d*\.weight$"
# Attention pooling puts the mean of the patches before them: one extra row without a parameter of its own.
ATTENTION_POOL = r"(?:attnpool|head)\.(?:pos_embed|positional_embedding)$"

# --- Words of modalities, in keys and in the names of sub-configurations ----------------------------------------------

MODALITIES = {
    "vision": {"vision", "visual", "image", "img", "video", "vit", "v"},
    "text": {"text", "language", "lm", "llm", "bert", "decoder", "t"},
    "audio": {"audio", "speech", "encodec"},
}
# Words that any sub-configuration's name may have, and words of a key that are no evidence against a modality.
UMBRELLA_WORDS = {"config", "cfg", "model", "tower"}
NEUTRAL_WORDS = {"decoder", "bert", "t", "v", "encoder"}
