"""The position encodings that ``compare`` knows, by name."""

from __future__ import annotations

from posembed.lab.encodings.absolute import Learned, LearnedFromSinusoid, Sinusoidal
from posembed.lab.encodings.base import NoEncoding, PositionEncoding
from posembed.lab.encodings.relative import Alibi, Rope

ENCODINGS: dict[str, PositionEncoding] = {
    each.name: each for each in (Learned(), Sinusoidal(), Rope(), Alibi(), NoEncoding(), LearnedFromSinusoid())
}
"""In the order of :data:`posembed.records.compare.ENCODINGS`, which the command line offers."""
