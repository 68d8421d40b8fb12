"""Fields that repeat a table's size outside the field that explains its rows: in other parts and in other files."""

from __future__ import annotations

from dataclasses import dataclass

# --- Texts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenField:
    """A field that limits the tokens of a text.

    ``files`` is a pattern of the file's name, ``path`` leads to the field, ``why`` says what happens if it keeps the
    old length. The file lies beside the weights; ``at_root``, at the root of a sentence-transformers directory as well.
    ``queries``: it limits queries alone, which are short whatever the documents are, so it does not grow with a table.
    """

    files: str
    path: tuple[str, ...]
    why: str
    at_root: bool = False
    queries: bool = False


_TOKENIZER = "the tokenizer would truncate or warn at the old length"
_SENTENCES = "sentence-transformers truncates to it"
_DOCUMENTS = "documents are truncated to it"
_QUERIES = "queries are truncated to it"
_PROCESSOR = "the processor truncates to it"
_TOKENIZER_FIELDS = ("model_max_length", "max_len", "max_length")

TOKEN_FIELDS = (
    *(TokenField("tokenizer_config.json", (name,), _TOKENIZER) for name in _TOKENIZER_FIELDS),
    TokenField("tokenizer.json", ("truncation", "max_length"), "the tokenizer truncates silently here"),
    # sentence_bert_config.json, sentence_roberta_config.json and the like; since 6.0 with nested keyword arguments.
    *(
        TokenField("sentence_*_config.json", path, why, at_root=True)
        for why, path in (
            (_SENTENCES, ("max_seq_length",)),
            (_DOCUMENTS, ("document_length",)),
            (_SENTENCES, ("processing_kwargs", "text", "max_length")),
            (_SENTENCES, ("processing_kwargs", "common", "max_length")),
            (_SENTENCES, ("processor_kwargs", "model_max_length")),
            (_SENTENCES, ("processor_args", "model_max_length")),
            (_SENTENCES, ("tokenizer_args", "model_max_length")),
        )
    ),
    # ColBERT: PyLate, and Stanford's own format.
    TokenField("config_sentence_transformers.json", ("document_length",), _DOCUMENTS, at_root=True),
    TokenField("artifact.metadata", ("doc_maxlen",), _DOCUMENTS, at_root=True),
    TokenField("sentence_*_config.json", ("query_length",), _QUERIES, at_root=True, queries=True),
    TokenField("config_sentence_transformers.json", ("query_length",), _QUERIES, at_root=True, queries=True),
    TokenField("artifact.metadata", ("query_maxlen",), _QUERIES, at_root=True, queries=True),
    # Processors that tokenize: OneFormer, and those with keyword arguments for their tokenizer.
    *(
        TokenField(file, (*part, name), _PROCESSOR)
        for file in ("preprocessor_config.json", "processor_config.json")
        for part, names in (
            ((), ("max_seq_length", "task_seq_length", "text_max_length", "max_text_len")),
            (("text_kwargs",), ("max_length",)),
        )
        for name in names
    ),
)
"""Every limit on tokens: a lower one is raised to the table's length, since a table is extended to be used."""

# Names under which a part of a configuration repeats the length of a sequence table beside the field that explains it:
# either that field's value or the usable positions, whichever it equals.
LENGTH_ALIASES = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "max_seq_length",
    "max_sequence_length",
    "seq_length",
    "seq_len",
    "context_length",
    "max_text_positions",
    "max_text_length",
    "max_text_len",
    "model_max_length",
    "max_len",
)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A field whose negative value means a table's length in the code, though other weights have that length.

    ``field`` gets the old length of ``follows`` in numbers, so that those weights keep their shape, where ``switch`` is
    on.
    """

    families: tuple[str, ...]
    field: str
    follows: str
    switch: str


# DeBERTa's table of relative positions has max_relative_positions rows either way.
PINNED = (Pinned(("deberta", "deberta-v2"), "max_relative_positions", "max_position_embeddings", "relative_attention"),)
# Files that stop a generated text at its table's length; the second in checkpoints of before 2023.
GENERATION_FILES = ("generation_config.json", "config.json")

# --- Images -----------------------------------------------------------------------------------------------------------

# Files of image, video and sound processors. Transformers 5 nests several processors in processor_config.json.
PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
# Fields, in any part of these files, that hold the image's size in pixels.
PROCESSOR_SIZES = (
    "crop_size",
    "size",
    "pad_size",
    "image_size",
    "img_size",
    "input_size",
    "resolution",
    "tile_size",
    "max_image_size",
    "high_res_size",
    "scale_resolution",
)
# Fields, in any part of a configuration or processor, with images of several tiles, each as large as the model's image.
TILED_SIZES = ("image_grid_pinpoints", "possible_resolutions", "candidate_resolutions")
# Objects whose names are sizes: the image's side in pixels, and the number of its patches (Aria's queries per image).
KEYED_BY_PIXELS = ("size_conversion",)
KEYED_BY_PATCHES = ("projector_patch_to_query_dict",)
# The numbers of patches that the code knows where a family's configuration leaves such an object out.
COUNTS_BY_DEFAULT = {"aria": (1225, 4900)}
# Fields that are a fixed part of it: SAM's masks have a quarter of the image's side.
PROCESSOR_PARTS = ("mask_size", "mask_pad_size")
# Fields that count patches, and those that count the patches of one side (FLAVA's masks).
PROCESSOR_COUNTS = ("max_num_patches",)
PROCESSOR_SIDES = ("input_size_patches",)
# Configurations of other libraries: beside the one that is read, or parts of it that prepare the image.
OTHER_CONFIGS = ("open_clip_config.json", "config.json")
IMAGE_PARTS = (("preprocess_cfg",), ("pretrained_cfg",))
IMAGE_PART_SIZES = ("size", "input_size", "test_input_size", "crop_size")

# Fields, in any part of a configuration or processor, that repeat how many tokens an image becomes: all of its rows,
# its patches, or its patches merged in squares.
IMAGE_TOKEN_FIELDS = ("image_seq_length", "image_seq_len", "num_image_tokens", "image_token_num")


@dataclass(frozen=True, slots=True)
class Merge:
    """Families that merge patches in squares into one token.

    ``side`` is the square's side, or the field that has it, as a number or as the share of the side that is left.
    ``divides``: whether it must divide the sides of the grid; other code fills the last squares.
    """

    families: tuple[str, ...]
    side: int | str
    divides: bool = True


MERGES = (
    Merge(("internvl*", "qianfan_ocr", "nemotron_h_omni"), "downsample_ratio"),
    Merge(("idefics3", "smolvlm", "granite_docling*"), "scale_factor"),
    Merge(("modernvbert", "colmodernvbert", "ultravbert"), "pixel_shuffle_factor"),
    Merge(("aya_vision", "cohere2_vision"), "downsample_factor"),
    Merge(("llama4",), "pixel_shuffle_ratio"),
    Merge(("ovis2",), "hidden_stride", divides=False),
    Merge(("got_ocr2",), 4, divides=False),  # two convolutions of stride 2
)


@dataclass(frozen=True, slots=True)
class SharedSize:
    """Fields that must hold one and the same image size, whichever of them explains a table.

    The paths start at the part of the configuration that holds them all. ``sides`` are fields beside them that count
    the patches of one side of that image.
    """

    families: tuple[str, ...]
    fields: tuple[str, ...]
    sides: tuple[str, ...] = ()


SHARED_SIZES = (
    SharedSize(
        ("depth_pro",),
        ("patch_size", "image_model_config.image_size", "patch_model_config.image_size", "fov_model_config.image_size"),
    ),
    SharedSize(
        ("*",),  # SAM and its kin: nothing else has a prompt encoder
        ("vision_config.image_size", "prompt_encoder_config.image_size"),
        ("prompt_encoder_config.image_embedding_size",),
    ),
    SharedSize(("phi4_multimodal*",), ("image_size", "crop_size")),
    SharedSize(("internvl_chat",), ("force_image_size", "vision_config.image_size")),
)

# --- Sound and video --------------------------------------------------------------------------------------------------

# Fields that count frames, in a configuration and in the processor that makes them.
FRAME_FIELDS = ("num_frames",)


@dataclass(frozen=True, slots=True)
class SoundWindow:
    """How a feature extractor's window follows from the rows of an encoder.

    ``field`` is the configuration's, ``frames`` the spectrogram frames per row; the window lasts ``seconds``, and
    ``rate``, ``hop``, ``samples`` and ``total`` name the extractor's other fields.
    """

    field: str
    frames: int
    seconds: str = "chunk_length"
    rate: str = "sampling_rate"
    hop: str = "hop_length"
    samples: str = "n_samples"
    total: str = "nb_max_frames"


SOUND_WINDOWS = (SoundWindow("max_source_positions", 2),)  # Whisper's second convolution halves the frames

# --- Any other field --------------------------------------------------------------------------------------------------

# Words of a field's name that make it worth a note if it holds the old size and no law changes it: a text's length, an
# image's side in pixels, a number of patches.
LENGTH_NAME = r"pos(?:ition)?s?(?:_|$)|len|seq|ctx|context|(?:^|_)max(?:_|$)|token|block_size"
PIXEL_NAME = r"image|img|pixel|resolution|crop|edge|_height|_width|side|(?:^|_)size$|pad_size|frame|bins|len"
COUNT_NAME = r"patch|token|pos(?:ition)?s?(?:_|$)|seq|len"
# Words of names that have another meaning, whatever number they hold.
OTHER_NAME = (
    r"vocab|hidden|intermediate|embedding_size|embed_dim|dim(?:s|_|$)|channel|head|layer|patch_size|kernel|stride|batch"
    r"|_ids?$|idx|index|rank|group|bucket|codebook|expert|ffn|project|label|factor|window|chunk|fft|hop|rate|beam"
    r"|new_tokens|num_added|bos|eos|seed|steps|epoch|samples$|grad|special"
)
# Files whose fields are no settings: words of a vocabulary, indexes, records of a training.
NO_SETTINGS = (
    r"^(?:tokenizer|vocab|added_tokens|special_tokens_map|merges|trainer_state|\w+_results|modules)\.json$"
    r"|index\.json$|^data_config"
)
