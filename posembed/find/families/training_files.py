"""Names in files that training scripts save: which settings beside the weights repeat a table's size."""

from __future__ import annotations

from posembed.find.families.companions import LENGTH_ALIASES, PROCESSOR_SIZES
from posembed.find.families.grids import GRID_COUNT_ALIASES, IMAGE_FIELDS
from posembed.find.families.sequences import LENGTH_FIELDS

# Settings that hold the number of positions: Whisper's dims, nanoGPT's model_args, hyper_parameters of Lightning,
# argument lists of fairseq, Megatron and plain scripts.
SETTING_LENGTHS = frozenset(
    (
        *LENGTH_FIELDS,
        *LENGTH_ALIASES,
        *("n_text_ctx", "n_audio_ctx", "ctx_len", "context_len", "context_size", "context_window", "text_ctx"),
        *("max_length", "maxlen", "max_pos", "max_positions", "max_num_positions", "max_sequence_len"),
        *("num_positions", "n_pos", "n_position", "block_len", "sequence_length", "tokens_per_sample", "seqlen"),
        *("encoder_seq_length", "decoder_seq_length", "max_text_len", "max_len_text", "num_pos"),
    )
)
# Settings that hold an image's side or sides in pixels.
SETTING_PIXELS = frozenset(
    (
        *IMAGE_FIELDS,
        *PROCESSOR_SIZES,
        *(
            "image_resolution",
            "input_resolution",
            "img_resolution",
            "img_dim",
            "image_dim",
            "im_size",
            "imsize",
            "imgsz",
        ),
        *("train_image_size", "finetune_size", "global_crops_size", "input_res", "image_side", "sz"),
    )
)
# Settings that count patches or rows.
SETTING_COUNTS = frozenset((*GRID_COUNT_ALIASES, "n_patches", "num_tokens", "n_tokens", "seq_len", "num_positions"))
# Settings that hold the grid's sides in patches.
SETTING_SIDES = frozenset(("grid_size", "patch_grid", "num_patches_per_side", "patches_resolution", "feat_size"))

# Settings of other meaning, which may have the same number by chance; all others of the old size are named in the plan.
NOT_A_SIZE = (
    r"(?:^|_)(?:dim|dims|embd|embed|embedding_dim|hidden|width|channels?|chans|state|layers?|heads?|vocab\w*|batch\w*|bs|"
    r"epochs?|iters?|steps?|num|seed|workers?|warmup\w*|lr|interval|freq|every|rank|world|gpus?|classes|d_model|d_ff|ff|"
    r"ffn|inner|depth|patience|samples|count|features?|in_features|out_features|rate|id|port|version)(?:$|_)"
)
# Words that say of which table a setting speaks, where several have the same number of rows.
SAME_SIDE_WORDS = (
    frozenset(("text", "decoder", "target", "tgt", "transformer")),
    frozenset(("audio", "encoder", "source", "src")),
    frozenset(("vision", "visual", "image", "img")),
)

# Averages of the weights that are saved as a list, without names.
AVERAGE = r"(?:^|[._])(?:ema|shadow\w*|average\w*|averaged|swa|momentum|teacher)(?:$|[._])"

# Whole numbers that are saved as tensors (OpenAI's CLIP archives).
NUMBER_TENSORS = r"(?:^|\.)(?:context_length|input_resolution|image_resolution|block_size|max_seq_len)$"
