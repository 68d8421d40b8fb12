"""Inputs that a Transformers model takes: random tokens, pixels and sound of the sizes that its configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from posembed.extension.check.besides import besides
from posembed.extension.check.configuration import Shape, Sides, integers, shapes, signature
from posembed.extension.check.episodes import STEPS, episode, episode_argument
from posembed.extension.check.mentions import MENTIONS, mention_argument, mentions
from posembed.extension.check.patches import (
    GRIDS,
    PLACED,
    PLACES,
    SMALL,
    grid_argument,
    patch_shapes,
    placed,
    state_shapes,
)
from posembed.extension.check.placeholders import has_placeholders, with_placeholders

Arguments = dict[str, Tensor | int]
FIRST_TOKEN, LAST_TOKEN = 3, 1000
"""Drawn ids lie between: special tokens mostly come before, and small vocabularies end early."""
STATES = ("patch_embeds",)
PIXELS = ("pixel_values", "pixel_values_videos", "images", "image", "pixels", PLACED, *STATES, "hidden_states")
SOUNDS = ("input_features", "input_values", "past_values")
_WORDS = ("input_ids", "decoder_input_ids", "qformer_input_ids", "bbox")
_EMBEDDED = "inputs_embeds"
EPISODE_STEPS = 4
"""A table of time steps is read by the number of a step: few steps reach its last row."""
BOX_SIDE, LINES = 5, 90
"""Of the boxes of words, and how many lines stand one below the other: within the smallest tables of coordinates."""


@dataclass(frozen=True)
class Lengths:
    """Tokens of an input, and of the decoder's where it has one of its own."""

    text: int
    decoder: int

    def less(self, count: int) -> Lengths:
        """Return both lengths, shorter by some tokens, but not empty."""
        return Lengths(max(self.text - count, 1), max(self.decoder - count, 1))


@dataclass(frozen=True)
class Call:
    """One way to call a model: the arguments by name, and which of the shapes of its configuration they have.

    Attributes:
        names: of the arguments.
        place: place in the shapes that a configuration suggests, of whatever is not text; the same place of another
            configuration of the model is its size there.
        in_text: whether some tokens of the text stand for the image or sound.
        grid: ``(height, width)`` of an image that comes as patches, already cut.
        last: greatest coordinate or time step in the arguments that hold such numbers.
    """

    names: tuple[str, ...]
    place: int = 0
    in_text: bool = False
    grid: Sides | None = None
    last: int | None = None

    def arguments(self, model: Any, lengths: Lengths) -> Arguments:
        """Return the arguments, alike for the same lengths and shapes."""
        generator = torch.Generator().manual_seed(0)
        made: Arguments = {name: self._argument(name, model, lengths, generator) for name in self.names}
        made |= besides(model, made, self.signal, self.grid)
        if self.in_text and self.signal is not None:
            made = with_placeholders(model, made, self.signal)
        if "use_cache" in signature(model):
            made["use_cache"] = False
        return made

    def _argument(self, name: str, model: Any, lengths: Lengths, generator: torch.Generator) -> Tensor:
        if name in _WORDS:
            count = lengths.decoder if name.startswith("decoder") else lengths.text
            return _boxes(count, self.last) if name == "bbox" else _tokens(model.config, count, generator)
        if name == _EMBEDDED:
            width = (integers(model.config, "hidden_size", "d_model", "embed_dim") or [1])[0]
            return torch.randn(1, lengths.text, width, generator=generator)
        if name in MENTIONS:
            return mention_argument(name, model.config, lengths.text, generator)
        if name in GRIDS and self.grid is not None:
            return grid_argument(name, self.grid, self.last)
        if name in (*PIXELS, *SOUNDS):
            values = torch.randn(self._shapes(model, name)[self.place], generator=generator)
            return values if name != PLACED or self.grid is None else placed(values, self.grid, self.last)
        return episode_argument(name, model.config, EPISODE_STEPS, self.last, generator)

    @property
    def signal(self) -> str | None:
        """The argument that holds pixels or sound, if there is one."""
        return next((name for name in self.names if name in (*PIXELS, *SOUNDS)), None)

    @property
    def has_words(self) -> bool:
        """Whether the call has tokens, or states in the place of tokens."""
        return any("input_ids" in name or name == _EMBEDDED for name in self.names)

    @property
    def has_text(self) -> bool:
        """Whether some of them are not the decoder's alone."""
        return "input_ids" in self.names or _EMBEDDED in self.names

    @property
    def reach(self) -> int | None:
        """The greatest coordinate or time step that an argument of the call holds; ``None`` if none holds any."""
        return self.last if any(name in _NUMBERED for name in self.names) else None

    def at(self, grid: Sides | None, last: int | None = None) -> Call:
        """Return the same call for an image of another number of patches, up to another coordinate or time step."""
        return replace(
            self,
            grid=grid if grid is not None and self.grid is not None else self.grid,
            last=self.last if last is None or self.last is None else last,
        )

    def shape(self, model: Any) -> Shape | None:
        """Return the shape of the pixels or the sound, if there are some."""
        return None if self.signal is None else self._shapes(model, self.signal)[self.place]

    def _shapes(self, model: Any, name: str) -> list[Shape]:
        if self.grid is None:
            return shapes(model.config, name)
        return state_shapes(model, self.grid) if name in STATES else patch_shapes(model, self.grid)


_NUMBERED = ("bbox", PLACED, STEPS, *PLACES)
"""Arguments that hold coordinates or time steps as numbers."""


def calls(model: Any, grid: Sides | None = None, last: int | None = None) -> Iterator[Call]:
    """Yield ways to call a model, the likely ones first.

    Args:
        model: it has a configuration.
        grid: of the image table that changes, for models that take patches, already cut.
        last: last row of the table of coordinates or time steps that changes, for models that take such numbers.
    """
    for call in _ways(model, SMALL if grid is None and last is not None else grid):
        yield replace(call, last=last)


def _ways(model: Any, grid: Sides | None) -> Iterator[Call]:
    taken = signature(model)
    words = tuple(name for name in _WORDS if name in taken)
    signals = [name for name in (*PIXELS, *SOUNDS) if name in taken]
    for name in signals:
        grids = tuple(each for each in GRIDS if each in taken) if name in PIXELS else ()
        if grids and grid is not None:
            yield from _calls(model, words, (name, *grids[:1]), patch_shapes(model, grid), grid)
        if name not in (*STATES, PLACED, "hidden_states"):
            # States of an inner layer, unless a grid says that they are patches.
            yield from _calls(model, words, (name,), shapes(model.config, name), None)
    for name in signals:  # patches without an argument that says where they lie
        if grid is not None and name in PIXELS and name != "hidden_states":
            suggested = (state_shapes if name in STATES else patch_shapes)(model, grid)
            yield from _calls(model, words, (name,), suggested, grid)
    steps = episode(taken)
    if steps:
        yield Call(steps)
    if words:
        yield Call(words)
        if mentioned := mentions(taken):
            yield Call((*words, *mentioned))
    elif _EMBEDDED in taken:
        yield Call((_EMBEDDED,))


def _calls(
    model: Any, words: tuple[str, ...], signals: tuple[str, ...], suggested: list[Shape], grid: Sides | None
) -> Iterator[Call]:
    """Yield calls with one signal: with words, where some of them may stand for it, and alone."""
    for place in (place for place, shape in enumerate(suggested) if shape not in suggested[:place]):
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


def _boxes(count: int, last: int | None) -> Tensor:
    """Boxes of words that stand one below the other, left, top, right, bottom; the last word's reaches ``last``."""
    top = torch.arange(count) % LINES
    boxes = torch.stack([top, top, top + BOX_SIDE, top + BOX_SIDE], dim=-1)[None]
    if last is not None:
        boxes = boxes.clamp(max=last)
        boxes[0, -1] = torch.tensor([0, 0, last, last])
    return boxes
