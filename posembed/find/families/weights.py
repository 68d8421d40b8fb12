"""The numbers by which readings of a tensor are weighed, and the limits between a table and what is not one.

A grid and a length that both explain a number of rows are weighed against each other: the heavier evidence wins, a
length in case of a tie. The weights were set by hand. Remarks such as "−2 to 0.5 alike" say how far one weight can move
before a table of the studied architectures in the census is read differently: ``python -m benchmarks.census.weights``.
Where that is far, the weight is for models that nobody has seen yet, and its reason is all there is to it. Each weight
decides a close call in ``tests/find/families/test_weights.py``.
"""

from __future__ import annotations

# --- Which part of a configuration governs a tensor (find/config.py) --------------------------------------------------

# A part's name shares a word with the key (`text_config`, `text_model.…`). Twice a missing word, so that one hit in
# `text_encoder_config` outweighs the word that is not there (0 to 5 alike, −1 gives Bark's tables to the wrong part).
WORD_IN_COMMON = 2
# A word of a part's name is not in the key. Small: parts are often named unlike the modules that they describe (−4 to 0
# alike, +1 fails for SAM).
WORD_MISSING = -1
# The key has a word of another modality (`vision_config` for `text_model.…`). It outweighs a word in common, since
# words such as "text" and "vision" are never there by accident (−6 to 0 alike).
OTHER_MODALITY = -3
# How deep parts of a configuration are read. Those of the census nest three deep; this is twice as much and more, and
# stops at files that are damaged or hostile.
DEEPEST_PART = 8

# --- A grid against a sequence (find/recognize.py) --------------------------------------------------------------------

# A field explains the rows. A grid and a usual length field start level, and the hints below decide. Grids from
# 5 to 9 and length fields from 4 to 9 alike.
GRID = 6.0
LENGTH_FIELD = 6.0
# Any other field that looks like a length is right by accident more often (0.5 to 4.5 alike).
OTHER_LENGTH_FIELD = 3.5
# Earlier parts come first where everything else is equal: per part, far below the smallest hint.
DEPTH = -0.01

# A row that the grid leaves over must be a token's; each makes an accident more likely. Beyond eight, register and
# detection tokens are many by design and no longer count (0 to 16 alike).
EXTRA_ROW = -0.5
MOST_EXTRA_COUNTED = 8
# Image and patch in pixels that leave at most a class token: hardly an accident, while a length field may repeat the
# same number (−1 to 3.5 alike).
FEW_EXTRA_ROWS = 0.5
# The key names an image tower.
IMAGE_KEY = 1.5
# The tensor is no plain matrix: text models store matrices, vision models anything.
IMAGE_SHAPE = 1.0
# The field counts patches or rows: a number alone, which may count something else (−2 to 0.5 alike).
NOT_IN_PIXELS = -1.0
# A matrix whose key names a text model and no image tower; 512 and 1,024 positions are no grid because
# `image_size` stands in the same configuration.
TEXT_KEY = -3.0

# One or two rows beyond a length field: fairseq's offset and the like, a little less likely than an exact match.
ROW_BEYOND_FIELD = -0.5
# The key names an image tower and no text model, or the tensor has the shape in which vision models store tables:
# then a length is right only where no grid comes close. As much as TEXT_KEY, its mirror image.
IMAGE_KEY_AS_SEQUENCE = -3.0
IMAGE_SHAPE_AS_SEQUENCE = -3.0
# Encoder-decoders have two length fields, often of the same value: the side's own field against the other side's.
SAME_SIDE = 1.0
OTHER_SIDE = -2.0

# Rows that a grid may leave over: class, distillation and register tokens. The most in the census is 8.
MOST_EXTRA = 16
# Rows beyond a length field. Usual fields count all rows, or all but fairseq's two; one more would be an accident
# (a BERT of 512 positions beside a field of 511). Other fields may count without a padding row.
ROWS_BEYOND_LENGTH_FIELD = (0, 2)
ROWS_BEYOND_OTHER_FIELD = (0, 1, 2)

# --- Rows before position 0 (find/read_sequence.py, find/fallbacks.py) ------------------------------------------------

# Lengths that people choose are multiples of this: 514 = 512 + 2 betrays two reserved rows (62 fails for SigLIP).
ROUND_LENGTH = 64
# Tokenizers put the padding token among the first ids (BERT 0, RoBERTa 1). Larger ids are ordinary tokens; rows that
# happen to fit one prove nothing.
LARGEST_PAD = 3
# fairseq counts positions from padding_idx + 1 with padding_idx = 1; RoBERTa, BART and OPT inherited it.
FAIRSEQ_RESERVED = 2

# --- Patches without a field (find/fallbacks.py) ----------------------------------------------------------------------

# Largest side of a patch in pixels that is tried: common ones are 14, 16 and 32.
LARGEST_PATCH = 64

# --- Values and shapes that no learned table has (find/sinusoids.py, find/search.py) ----------------------------------

# Kernels of depthwise convolutions have 3, 5 or 7 rows and columns; grids of patches have more.
LARGEST_KERNEL = 7
# Rows that are read to tell a sinusoid from a learned table, and the most numbers that are read for it: 16 MB of F32.
SAMPLE_ROWS = 64
SAMPLE_NUMBERS = 1 << 22
# Fewer rows than this may have the same norm by accident.
FEWEST_ROWS = 4
# How far norms of a sinusoid may be apart, as a share of their mean: twice the rounding error of BF16 (2⁻⁹ of a value).
NORM_SPREAD = 4e-3
# How far the norm may be from largest value × √(d_model / 2), as a share: among 64 rows some sine or cosine is close to
# 1. Random rows that were normalized to one length miss it by a third and more.
NORM_ERROR = 0.05

# --- Limits on tokens (find/token_limits.py) --------------------------------------------------------------------------

# Tokenizers write 1e30 where they mean "no limit".
NO_LIMIT = 10**9
