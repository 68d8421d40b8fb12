"""Inputs for any forward: tokens, pixels, sound; each in variants that differ in one thing."""

from collections.abc import Iterator

import torch
from torch import nn

from benchmarks.census.calls import CORNERS, DECODER_LENGTH, LATE, LENGTH, Inputs, Recipe, integers, signature, tokens
from benchmarks.census.pixels import corner, image_recipes, image_sizes, patch_recipes

__all__ = [
    "CORNERS",
    "DECODER_LENGTH",
    "LATE",
    "LENGTH",
    "Inputs",
    "Recipe",
    "image_sizes",
    "integers",
    "recipes",
    "signature",
    "tokens",
]


def text_recipes(tower: nn.Module) -> Iterator[Recipe]:
    """Call a tower with token ids, and decoder ids and boxes where it takes them."""
    names, config = signature(tower), tower.config
    stream = next((n for n in ("input_ids", "input_tokens", "decoder_input_ids") if n in names), None)
    if stream is None:
        return

    def make(variant: str, size: tuple[int, int]) -> Inputs:
        out: Inputs = {}
        for name, length in ((stream, size[0]), ("decoder_input_ids", size[1])):
            if name not in names:
                continue
            drawn = tokens(torch.Generator().manual_seed(5), length + 1, config)
            ids = drawn[:, :length].clone()
            if "content" in variant:
                ids = tokens(torch.Generator().manual_seed(6), length, config)
            elif "top left" in variant:
                ids[0, -1] = drawn[0, -1]
            out[name] = ids
        if "bbox" in names:
            seed = 9 if variant.startswith("box") and "same" not in variant else 7
            low = torch.randint(0, 90, (1, size[0], 2), generator=torch.Generator().manual_seed(seed))
            if "same" in variant:  # one box for all tokens; another one, of another size, for "box same"
                low = low[:, :1].expand_as(low) + (3 if variant.startswith("box") else 0)
            out["bbox"] = torch.cat([low, low + 5 + low % 7], -1)
            if config.model_type == "udop":  # takes coordinates as parts of the page
                out["bbox"] = out["bbox"] / 200.0
        if "entity_position_ids" in names:
            out["entity_ids"] = tokens(torch.Generator().manual_seed(6 if "content" in variant else 5), size[1], config)
            if "top left" in variant:
                out["entity_ids"][0, -1] += 1
            out["entity_position_ids"] = torch.arange(size[1]).reshape(1, size[1], 1)
        if "visual_embeds" in names:
            width = integers(config, "visual_embedding_dim", "visual_feat_dim")[0]
            out["visual_embeds"] = torch.randn(1, 5, width, generator=torch.Generator().manual_seed(len(variant)))
        if "use_cache" in names:
            out["use_cache"] = False
        return out

    for base, longer in (((LENGTH, DECODER_LENGTH), (10, 9)), ((64, 32), (128, 64)), ((128, 128), (256, 256))):
        yield Recipe("text", make, base, longer)


def sound_recipes(tower: nn.Module) -> Iterator[Recipe]:
    """Call a tower with sound or another series: features by time, either way round, or a waveform."""
    names, config = signature(tower), tower.config
    name = next(
        (n for n in ("input_features", "input_values", "past_values", "audio_values", "waveform") if n in names), None
    )
    if name is None:
        return
    bins = integers(
        config, "num_mel_bins", "n_mels", "feature_size", "input_size", "d_model", "hidden_size", "num_input_channels"
    ) or [80]
    times = [2 * v for v in integers(config, "max_source_positions")] + integers(
        config, "max_length", "context_length", "spec_size"
    )
    shapes: list[tuple[int, ...]] = [(1, b, t) for t in times for b in bins[:1]]
    upright = [(1, t, b) for t in times for b in bins[:2]]
    shapes = upright + shapes if name == "input_values" else shapes + upright
    shapes += [(1, 64, b) for b in bins] + [(1, b, 64) for b in bins] + [(1, 16000), (1, 1, 16000)]
    shapes += [(1, c, b, 64) for c in (1, 3) for b in bins[:1]]

    def make(variant: str, shape: tuple[int, ...]) -> Inputs:
        values = torch.randn(shape, generator=torch.Generator().manual_seed(8 if variant == "content" else 4))
        if variant in CORNERS:
            values = corner(values, variant, 16) if values.ndim > 1 and min(values.shape[-2:]) >= 16 else values
        out: Inputs = {name: values}
        if "input_features_mask" in names and values.ndim == 3:
            out["input_features_mask"] = torch.ones(1, max(values.shape[1:]), dtype=torch.long)
        if "decoder_input_ids" in names:
            out["decoder_input_ids"] = tokens(torch.Generator().manual_seed(5), LENGTH, config)
        if "use_cache" in names:
            out["use_cache"] = False
        return out

    for shape in shapes:
        yield Recipe("sound", make, shape)


def state_recipes(tower: nn.Module) -> Iterator[Recipe]:
    """Call a tower with states [1, length, width] in the place of tokens."""
    names, config = signature(tower), tower.config
    name = next((n for n in ("inputs_embeds", "hidden_states", "inputs", "x", "embeddings") if n in names), None)
    if name is None:
        return

    def make(variant: str, size: tuple[int, int]) -> Inputs:
        values = torch.randn(
            1, size[0], size[1], generator=torch.Generator().manual_seed(8 if variant == "content" else 4)
        )
        if variant == "top left":
            values[0, -1] += 3 * torch.randn(size[1], generator=torch.Generator().manual_seed(3))
        return {name: values}

    for width in integers(config, "hidden_size", "d_model", "embed_dim", "input_dim", "width"):
        yield Recipe("text", make, (LENGTH, width), (10, width))


def recipes(tower: nn.Module) -> list[Recipe]:
    """List every way to try to call a tower, the likely ones first."""
    makers = (text_recipes, image_recipes, patch_recipes, sound_recipes, state_recipes)
    return [recipe for maker in makers for recipe in maker(tower)]
