"""Grids of image patches: the fields that size them, extra rows, and how each family resizes its grid itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suffix:
    """Extra rows after the grid instead of before it: their number, or the field that holds it."""

    families: tuple[str, ...]
    suffix: int | str
    source: str


SUFFIXES = (
    Suffix(("llama4_vision_model", "llama4"), 1, "the class token is appended after the patches"),
    Suffix(("yolos",), "num_detection_tokens", "class row, grid, then one row a detection token"),
)


@dataclass(frozen=True, slots=True)
class Resize:
    """How families resize their own grid at run time."""

    families: tuple[str, ...]
    mode: str
    antialias: bool = False
    align_corners: bool = False


# Any other family: bicubic.
RESIZES = (
    Resize(("timm/hieradet*", "timm/sam2_hiera*"), "bicubic"),  # `timm/hiera_*_abswin*` with antialias
    Resize(("timm/qwen3*",), "bilinear", align_corners=True),
    Resize(("timm", "timm/*"), "bicubic", antialias=True),
    Resize(("rf_detr*", "dinov2_with_registers"), "bicubic", antialias=True),
    Resize(("dpt",), "bilinear"),
    Resize(("tipsv2*",), "bilinear", antialias=True),
    Resize(("vilt",), "bilinear", align_corners=True),
    Resize(("siglip2*", "lfm2_vl"), "bilinear", antialias=True),
    Resize(("qwen3_vl*", "qwen3_5*", "qwen3_omni*", "qwen4_exp*", "cosmos3*"), "bilinear", align_corners=True),
    Resize(("idefics2*", "idefics3*", "smolvlm*"), "nearest"),
    Resize(("sam3*",), "tile"),
    Resize(("flax-vit",), "bilinear", align_corners=True),  # scipy.ndimage.zoom(order=1)
)
DEFAULT_RESIZE = ("bicubic", False, False)

# Fields that hold the side of the image or of a patch in pixels, and fields that count the rows of a grid.
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
# Fields that count the patches beside the one that explains the rows, and are no explanation themselves.
GRID_COUNT_ALIASES = (*GRID_COUNT_FIELDS, "max_vit_seq_len")


@dataclass(frozen=True, slots=True)
class OwnGrid:
    """A grid that the code stretches over every image, so that a field of its own sizes it, whatever the image.

    Attributes:
        field: holds its sides in patches.
        families: whose tables they are.
        beside: pattern of the weight beside the table without which it is another one.
        patches: whether an image of a certain size has as many patches as the grid.
        square: one number holds both sides.
    """

    field: str
    families: tuple[str, ...]
    beside: str = ""
    patches: bool = True
    square: bool = False


OWN_GRIDS = (
    OwnGrid("model_args.pos_embed_grid_size", ("timm/qwen3*",), square=True),
    # Hiera's absolute windows, in timm and in SAM 2: a coarse grid under a window that is repeated.
    OwnGrid("model_args.global_pos_size", ("timm/*hiera*",), r"pos_embed_win(?:dow)?", patches=False),
)
# timm: the image size is read from the first of these; both are written if the model takes `img_size`.
TIMM_SIZES = ("model_args.img_size", "pretrained_cfg.input_size")
# NaFlexVit has a grid of its own, whatever the image; it lies beside the map that embeds patches.
TIMM_GRID = "model_args.pos_embed_grid_size"
NAFLEX_EMBED = "proj.weight"
TIMM_FIXED = r"naflex|qwen3|hieradet|sam2_hiera"  # these take no img_size, or need none

GRID_SIDE_FIELDS = (
    ("pos_emb_height", "pos_emb_width"),
    ("init_pos_emb_height", "init_pos_emb_width"),
    ("posemb_grid_size", ""),
    ("window_positional_embedding_background_size", ""),
)


# Spectrogram models cut (mel bins × frames) into overlapping patches: (bins, frames, patch, strides).
SPECTROGRAM_FIELDS = ("num_mel_bins", "max_length", "patch_size", "frequency_stride", "time_stride")

# Tables of stages, each on a coarser grid than the last: the image is divided by the patches of all stages so far.
PYRAMID_FIELDS = ("image_size", "patch_sizes")

# Tables over frames × grid, flattened: the number of frames, and how many of them make one row.
VIDEO_FIELDS = ("num_frames", "tubelet_size", "image_size")

# Families whose code takes an image that is not square even if the configuration holds one number.
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
