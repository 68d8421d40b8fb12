"""Texts in which some tokens stand for an image, a film or a sound: as many as the model makes states of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from posembed.extension.check.configuration import signature

# What an argument holds, by the library's own names: get_image_features, image_token_id.
_KINDS = {
    "pixel_values": "image",
    "pixel_values_videos": "video",
    "flattened_patches": "image",
    "input_features": "audio",
    "input_values": "audio",
}
_TYPES = {"image": 1, "video": 2, "audio": 3}
"""Numbers by which ``mm_token_type_ids`` tells such tokens from a text's, 0."""


_PLACES = "image_embeds_position_mask"
"""Marks the places of an image's states by number, whatever token lies there."""


def has_placeholders(model: Any, signal: str) -> bool:
    """Return whether tokens of a text may stand for what an argument holds."""
    if _maker(model, signal) is None:
        return False
    return _token(model.config, _KINDS[signal]) is not None or _has_places(model, signal)


def with_placeholders(model: Any, made: Mapping[str, Tensor | int], signal: str) -> dict[str, Tensor | int]:
    """Return arguments whose text has a placeholder for every state of an image, film or sound.

    They take the place of tokens where the text is long enough, so that its length stays; the first token stays too.
    """
    kind, maker = _KINDS[signal], _maker(model, signal)
    token, ids = _token(model.config, kind), made["input_ids"]
    assert maker is not None
    assert isinstance(ids, Tensor)
    taken = inspect.signature(maker).parameters
    with torch.no_grad():
        states = maker(**{name: value for name, value in made.items() if name in taken and name != "input_ids"})
    count = _count(states)
    places = torch.full((1, count), int(ids[0, 0]) if token is None else token)
    ids = torch.cat([ids[:, :1], places, ids[:, 1 + count :]], dim=1)
    result = {**made, "input_ids": ids}
    if _has_places(model, signal):
        at = torch.arange(ids.shape[1])
        result[_PLACES] = ((at > 0) & (at <= count)).long()[None]
    if "mm_token_type_ids" in signature(model):
        result["mm_token_type_ids"] = ids.eq(-1 if token is None else token).long() * _TYPES[kind]
    return result


def _has_places(model: Any, signal: str) -> bool:
    return _KINDS[signal] == "image" and hasattr(model, "forward") and _PLACES in signature(model)


def _maker(model: Any, signal: str) -> Any:
    name = f"get_{_KINDS.get(signal)}_features"
    return next((getattr(each, name) for each in (model, getattr(model, "model", None)) if hasattr(each, name)), None)


def _token(config: Any, kind: str) -> int | None:
    named = (getattr(config, f"{kind}_token_{ending}", None) for ending in ("id", "index"))
    return next((token for token in named if isinstance(token, int)), None)


def _count(states: Any) -> int:
    """Return the number of states: of a tensor, of the pooled ones of an output, or of a list of either."""
    states = getattr(states, "pooler_output", states)
    if isinstance(states, Tensor):
        return states.numel() // states.shape[-1]
    assert isinstance(states, Iterable)
    return sum(_count(each) for each in states)
