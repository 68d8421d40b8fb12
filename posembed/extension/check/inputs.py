"""Inputs that a Transformers model takes: random tokens, pixels and sound of the sizes that its configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from posembed.extension.check.besides import besides
from posembed.extension.check.configuration import Shape, Sides, integers, shapes, signature
from posembed.extension.check.patches import GRIDS, grid_argument, patch_shapes
from posembed.extension.check.placeholders import has_placeholders, with_placeholders

Arguments = dict[str, Tensor | int]
FIRST_TOKEN, LAST_TOKEN = 3, 1000
"""Drawn ids lie between: special tokens mostly come before, and small vocabularies end early."""
PIXELS = ("pixel_values", "pixel_values_videos", "images", "image", "pixels", "hidden_states")
SOUNDS = ("input_features", "input_values", "past_values")
_WORDS = ("input_ids", "decoder_input_ids", "qformer_input_ids", "bbox")


@dataclass(frozen=True)
class Lengths:
    """Tokens of an input, and of the decoder's where it has one of its own."""

    text: int
    decoder: int


@dataclass(frozen=True)
class Call:
    """One way to call a model: the arguments by name, and which of the shapes of its configuration they have.

    Attributes:
        names: of the arguments.
        place: place in the shapes that a configuration suggests, of whatever is not text; the same place of another
            configuration of the model is its size there.
        in_text: whether some tokens of the text stand for the image or sound.
        grid: ``(height, width)`` of an image that comes as patches, already cut.
    """

    names: tuple[str, ...]
    place: int = 0
    in_text: bool = False
    grid: Sides | None = None

    def arguments(self, model: Any, lengths: Lengths) -> Arguments:
        """Return the arguments, alike for the same lengths and shapes."""
        generator = torch.Generator().manual_seed(0)
        made: Arguments = {}
        for name in self.names:
            if name in _WORDS:
                count = lengths.decoder if name.startswith("decoder") else lengths.text
                made[name] = _boxes(count) if name == "bbox" else _tokens(model.config, count, generator)
            elif name in GRIDS and self.grid is not None:
                made[name] = grid_argument(name, self.grid)
            elif name in (*PIXELS, *SOUNDS):
                made[name] = torch.randn(self._shapes(model, name)[self.place], generator=generator)
        made |= besides(model, made, self.signal, self.grid)
        if self.in_text and self.signal is not None:
            made = with_placeholders(model, made, self.signal)
        if "use_cache" in signature(model):
            made["use_cache"] = False
        return made

    @property
    def signal(self) -> str | None:
        """The argument that holds pixels or sound, if there is one."""
        return next((name for name in self.names if name in (*PIXELS, *SOUNDS)), None)

    @property
    def has_words(self) -> bool:
        """Whether the call has tokens."""
        return any("input_ids" in name for name in self.names)

    def at(self, grid: Sides | None) -> Call:
        """Return the same call for an image of another number of patches."""
        return self if self.grid is None else replace(self, grid=grid)

    def shape(self, model: Any) -> Shape | None:
        """Return the shape of the pixels or the sound, if there are some."""
        return None if self.signal is None else self._shapes(model, self.signal)[self.place]

    def _shapes(self, model: Any, name: str) -> list[Shape]:
        return shapes(model.config, name) if self.grid is None else patch_shapes(model, self.grid)


def calls(model: Any, grid: Sides | None = None) -> Iterator[Call]:
    """Yield ways to call a model, the likely ones first.

    Args:
        model: it has a configuration.
        grid: of the image table that changes, for models that take patches, already cut, with their grid.
    """
    taken = signature(model)
    words = tuple(name for name in _WORDS if name in taken)
    for name in (*PIXELS, *SOUNDS):
        if name not in taken:
            continue
        grids = tuple(each for each in GRIDS if each in taken) if name in PIXELS else ()
        if grids and grid is not None:
            yield from _calls(model, words, (name, *grids[:1]), len(patch_shapes(model, grid)), grid)
        if name != "hidden_states":  # states of an inner layer, unless a grid says that they are patches
            yield from _calls(model, words, (name,), len(shapes(model.config, name)), None)
    if words:
        yield Call(words)


def _calls(
    model: Any, words: tuple[str, ...], signals: tuple[str, ...], count: int, grid: Sides | None
) -> Iterator[Call]:
    """Yield calls with one signal: with words, where some of them may stand for it, and alone."""
    for place in range(count):
        if "input_ids" in words and has_placeholders(model, signals[0]):
            yield Call((*words, *signals), place, in_text=True, grid=grid)
        if words:
            yield Call((*words, *signals), place, grid=grid)
        yield Call(signals, place, grid=grid)


def _tokens(config: Any, count: int, generator: torch.Generator) -> Tensor:
    special = {n for name, n in vars(config).items() if isinstance(n, int) and name.endswith(("_id", "_index"))}
    size = min([LAST_TOKEN, *integers(config, "vocab_size", "text_vocab_size")])
    usable = [token for token in range(FIRST_TOKEN, size) if token not in special] or [0]
    chosen = torch.randint(len(usable), (count,), generator=generator)
    return torch.tensor(usable)[chosen][None]


def _boxes(count: int) -> Tensor:
    """Boxes of words that stand one below the other, left, top, right, bottom."""
    top = torch.arange(count) % 90
    return torch.stack([top, top, top + 5, top + 5], dim=-1)[None]
