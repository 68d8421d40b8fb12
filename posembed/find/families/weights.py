"""The numbers by which readings of a tensor are weighed, and the limits between a table and what is not one."""

from __future__ import annotations

# --- Which part of a configuration governs a tensor (find/config.py) --------------------------------------------------

WORD_IN_COMMON = 2
WORD_MISSING = -1
OTHER_MODALITY = -3
DEEPEST_PART = 8

# --- A grid against a sequence (find/recognize.py) --------------------------------------------------------------------

GRID = 6.0
LENGTH_FIELD = 6.0
OTHER_LENGTH_FIELD = 3.5
DEPTH = -0.01
EXTRA_ROW = -0.5
MOST_EXTRA_COUNTED = 8
FEW_EXTRA_ROWS = 0.5
IMAGE_KEY = 1.5
IMAGE_SHAPE = 1.0
NOT_IN_PIXELS = -1.0
TEXT_KEY = -3.0
ROW_BEYOND_FIELD = -0.5
IMAGE_KEY_AS_SEQUENCE = -3.0
IMAGE_SHAPE_AS_SEQUENCE = -3.0
SAME_SIDE = 1.0
OTHER_SIDE = -2.0
MOST_EXTRA = 16
ROWS_BEYOND_LENGTH_FIELD = (0, 2)
ROWS_BEYOND_OTHER_FIELD = (0, 1, 2)

# --- Rows before position 0 (find/read_sequence.py, find/fallbacks.py) ------------------------------------------------

ROUND_LENGTH = 64
LARGEST_PAD = 3
FAIRSEQ_RESERVED = 2

# --- Patches without a field (find/fallbacks.py) ----------------------------------------------------------------------

LARGEST_PATCH = 64

# --- Values and shapes that no learned table has (find/sinusoids.py, find/search.py) ----------------------------------

LARGEST_KERNEL = 7
SAMPLE_ROWS = 64
SAMPLE_NUMBERS = 1 << 22
FEWEST_ROWS = 4
NORM_SPREAD = 4e-3
NORM_ERROR = 0.05

# --- Limits on tokens (find/token_limits.py) --------------------------------------------------------------------------

NO_LIMIT = 10**9
