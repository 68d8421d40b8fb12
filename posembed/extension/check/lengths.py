"""How long the inputs are that a source and its copy run on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from posembed.extension.check.inputs import Call, Lengths
from posembed.extension.check.messages import Size

SHORTEST = (1, 2, 4, 8)
"""Numbers of tokens of the shortest input, tried in this order: some models need a few."""
ASIDE = 4
"""Tokens of a text whose table does not change."""
SPARE = 3
"""Tokens that a model may add to a text by itself: its beginning, its end, and a prompt or a speaker's vector."""


@dataclass(frozen=True)
class Wanted:
    """The sizes at which a model is to run.

    Attributes:
        before: tokens of the longest input, before; ``None`` if no sequence table changes.
        after: the same, afterwards.
        kept: inputs of up to this many tokens read only rows that are the old ones.
    """

    before: Lengths | None
    after: Lengths | None
    kept: int

    @classmethod
    def of(cls, sizes: Iterable[Size], *, decoder: bool, text: bool = True) -> Wanted:
        """Return the lengths that some tables allow.

        Args:
            sizes: of the tables that change.
            decoder: whether the decoder has tokens of its own.
            text: whether there are other tokens too; without them, every table outside the decoder numbers a sound.
        """
        sequences = [size for size in sizes if size.of_sequence]
        of_decoder = [size for size in sequences if decoder and "decoder" in size.key]
        of_text = [size for size in sequences if text and size not in of_decoder]
        sequences = [*of_text, *of_decoder]
        if not sequences:
            return cls(None, None, 0)
        before, after = (
            Lengths(*(min((getattr(size, when) for size in part), default=ASIDE) for part in (of_text, of_decoder)))
            for when in ("before", "after")
        )
        return cls(before, after, min(size.kept for size in sequences))

    def shared(self, shortest: int, spare: int = 0) -> dict[int, Lengths]:
        """Return the lengths that source and copy both take, by the larger number: the shortest and the longest.

        Args:
            shortest: tokens of the shortest input.
            spare: tokens by which the longest is to be shorter than the tables.
        """
        if self.before is None or self.after is None:
            return {shortest: Lengths(min(shortest, ASIDE), shortest)}
        longest = Lengths(min(self.before.text, self.after.text), min(self.before.decoder, self.after.decoder))
        longest = longest.less(spare)
        return {shortest: _at(longest, shortest), longer(longest): longest}


def lengths_for(sizes: Iterable[Size], call: Call) -> Wanted:
    """Return the lengths that some tables allow a call."""
    return Wanted.of(sizes, decoder="decoder_input_ids" in call.names, text=call.has_text)


def longer(lengths: Lengths) -> int:
    """Return the longer of both lengths."""
    return max(lengths.text, lengths.decoder)


def _at(longest: Lengths, length: int) -> Lengths:
    """Both lengths, each at most what its table allows."""
    return Lengths(min(length, longest.text), min(length, longest.decoder))
