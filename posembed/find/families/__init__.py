"""The laws that model families follow, as data: what a key's name means, and how each family differs.

A new family usually needs one line in one of these tables, or none; see ``docs`` on adding a family. Every table is
read from top to bottom, the first match wins. Patterns are searched in the key of the file; families are the
``model_type`` of the innermost configuration that governs the tensor, as shell patterns.

Sources: the modeling files of Hugging Face Transformers 5.23 and timm 1.0.31, read and run; the census in
``benchmarks/census`` checks each law against the behavior of the model.
"""

from __future__ import annotations

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.find.families import companions as companions
from posembed.find.families import weights as weights
from posembed.find.families.companions import (
    MERGES,
    PINNED,
    SHARED_SIZES,
    SOUND_WINDOWS,
    TOKEN_FIELDS,
    Merge,
    Pinned,
    SharedSize,
    SoundWindow,
    TokenField,
)
from posembed.find.families.grids import (
    DEFAULT_RESIZE,
    GRID_COUNT_ALIASES,
    GRID_COUNT_FIELDS,
    GRID_SIDE_FIELDS,
    IMAGE_FIELDS,
    NAFLEX_EMBED,
    OBLONG,
    OWN_GRIDS,
    PATCH_FIELDS,
    PYRAMID_FIELDS,
    RESIZES,
    SPECTROGRAM_FIELDS,
    SUFFIXES,
    TIMM_FIXED,
    TIMM_GRID,
    TIMM_SIZES,
    VIDEO_FIELDS,
    OwnGrid,
    Resize,
    Suffix,
)
from posembed.find.families.limits import LIMITS, Limit
from posembed.find.families.live_modules import (
    PATCH_ATTRIBUTES,
    PIXEL_ATTRIBUTES,
    ROW_ATTRIBUTES,
    SIDE_ATTRIBUTES,
)
from posembed.find.families.names import (
    ATTENTION_POOL,
    AXIS,
    BLOCKS,
    CONVENTIONAL,
    EXTRA_TOKEN,
    IMAGE_WORD,
    INSIDE_PATCH,
    LOOK_ALIKES,
    MODALITIES,
    NEUTRAL_WORDS,
    NOT_A_TABLE,
    PATCH_KERNEL,
    PATCH_WEIGHT,
    POSITION_NUMBERS,
    POSITION_WORD,
    SINUSOID_SWITCHES,
    SINUSOIDS,
    TEXT_TABLE,
    TEXT_WORD,
    TIME,
    TOKEN_TYPE,
    UMBRELLA_WORDS,
    WINDOW,
    LookAlike,
    Sinusoid,
)
from posembed.find.families.sequences import (
    LENGTH_FIELDS,
    LENGTH_WORD,
    LOOK_AHEAD,
    OFFSETS,
    LookAhead,
    Offset,
)
from posembed.find.families.switches import (
    COMPUTED,
    SWITCHES,
    UNREAD,
    Switch,
    Unread,
)
from posembed.find.families.training_files import (
    AVERAGE,
    NOT_A_SIZE,
    NUMBER_TENSORS,
    SAME_SIDE_WORDS,
    SETTING_COUNTS,
    SETTING_LENGTHS,
    SETTING_PIXELS,
    SETTING_SIDES,
)

__all__ = [
    "ATTENTION_POOL",
    "AVERAGE",
    "AXIS",
    "BLOCKS",
    "COMPUTED",
    "CONVENTIONAL",
    "DEFAULT_RESIZE",
    "EXTRA_TOKEN",
    "GRID_COUNT_ALIASES",
    "GRID_COUNT_FIELDS",
    "GRID_SIDE_FIELDS",
    "IMAGE_FIELDS",
    "IMAGE_WORD",
    "INSIDE_PATCH",
    "LENGTH_FIELDS",
    "LENGTH_WORD",
    "LIMITS",
    "LOOK_AHEAD",
    "LOOK_ALIKES",
    "MERGES",
    "MODALITIES",
    "NAFLEX_EMBED",
    "NEUTRAL_WORDS",
    "NOT_A_SIZE",
    "NOT_A_TABLE",
    "NUMBER_TENSORS",
    "OBLONG",
    "OFFSETS",
    "OWN_GRIDS",
    "PATCH_ATTRIBUTES",
    "PATCH_FIELDS",
    "PATCH_KERNEL",
    "PATCH_WEIGHT",
    "PINNED",
    "PIXEL_ATTRIBUTES",
    "POSITION_NUMBERS",
    "POSITION_WORD",
    "PYRAMID_FIELDS",
    "RESIZES",
    "ROW_ATTRIBUTES",
    "SAME_SIDE_WORDS",
    "SETTING_COUNTS",
    "SETTING_LENGTHS",
    "SETTING_PIXELS",
    "SETTING_SIDES",
    "SHARED_SIZES",
    "SIDE_ATTRIBUTES",
    "SINUSOIDS",
    "SINUSOID_SWITCHES",
    "SOUND_WINDOWS",
    "SPECTROGRAM_FIELDS",
    "SUFFIXES",
    "SWITCHES",
    "TEXT_TABLE",
    "TEXT_WORD",
    "TIME",
    "TIMM_FIXED",
    "TIMM_GRID",
    "TIMM_SIZES",
    "TOKEN_FIELDS",
    "TOKEN_TYPE",
    "UMBRELLA_WORDS",
    "UNREAD",
    "VIDEO_FIELDS",
    "WINDOW",
    "Law",
    "Limit",
    "LookAhead",
    "LookAlike",
    "Merge",
    "Offset",
    "OwnGrid",
    "Pinned",
    "Resize",
    "SharedSize",
    "Sinusoid",
    "SoundWindow",
    "Suffix",
    "Switch",
    "TokenField",
    "Unread",
    "companions",
    "register",
    "unregister",
    "weights",
]

Law = (
    LookAlike
    | Sinusoid
    | Offset
    | LookAhead
    | Suffix
    | OwnGrid
    | Resize
    | SharedSize
    | SoundWindow
    | Pinned
    | Merge
    | TokenField
    | Limit
    | Switch
    | Unread
)

_TABLES = {
    LookAlike: "LOOK_ALIKES",
    Sinusoid: "SINUSOIDS",
    Offset: "OFFSETS",
    LookAhead: "LOOK_AHEAD",
    Suffix: "SUFFIXES",
    OwnGrid: "OWN_GRIDS",
    Resize: "RESIZES",
    SharedSize: "SHARED_SIZES",
    SoundWindow: "SOUND_WINDOWS",
    Pinned: "PINNED",
    Merge: "MERGES",
    TokenField: "TOKEN_FIELDS",
    Limit: "LIMITS",
    Switch: "SWITCHES",
    Unread: "UNREAD",
}


def register(law: Law) -> None:
    """Put a law before all others of its table, for this process.

    The table follows from the law's type: an ``Offset`` goes into ``OFFSETS``, a ``Limit`` into ``LIMITS``. A
    checkpoint that was opened before keeps what was found in it; open it again.

    Raises:
        ArgumentTypeError: for anything that is not a law.

    Example:
        >>> from posembed.find import families
        >>> law = families.Offset(("acmebert",), 4, "AcmeEmbeddings adds 4 to every position")
        >>> families.register(law)
        >>> families.OFFSETS[0].reserved
        4
        >>> families.unregister(law)
    """
    name = _table_of(law)
    globals()[name] = (law, *globals()[name])


def unregister(law: Law) -> None:
    """Take a law out of its table again.

    Raises:
        ArgumentTypeError: for anything that is not a law.
        InvalidArgumentError: if the table does not have it.
    """
    name = _table_of(law)
    laws = list(globals()[name])
    if law not in laws:
        raise InvalidArgumentError(f"law={law!r} is not in {name}")
    laws.remove(law)
    globals()[name] = tuple(laws)


def _table_of(law: object) -> str:
    name = _TABLES.get(type(law))
    if name is None:
        raise ArgumentTypeError(
            f"law={law!r} must be one of {', '.join(each.__name__ for each in _TABLES)}, got {type(law).__name__}"
        )
    return str(name)
