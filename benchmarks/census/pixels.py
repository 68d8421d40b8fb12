"""Inputs of vision towers: images, frames, or patches already cut."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.census.calls import CORNERS, LATE, LENGTH, Inputs, Recipe, integers, signature, tokens


def corner(pixels: Tensor, where: str, block: int, whole: int = 1) -> Tensor:
    """Change the pixels of one corner patch of images [..., H, W]."""
    changed = pixels.clone()
    height, width = (s - s % whole for s in pixels.shape[-2:])  # a convolution leaves out what fills no patch
    top = slice(height - block, height) if where == "bottom left" else slice(0, block)
    left = slice(width - block, width) if where == "top right" else slice(0, block)
    if pixels.ndim == 5:  # the first frame alone, whichever axis counts the frames
        frame = slice(-1, None) if where == LATE else slice(0, 1)
        one = changed[:, :, frame] if pixels.shape[1] in (1, 3) else changed[:, frame]
    else:
        one = changed
    old = one[..., top, left]
    one[..., top, left] = old + torch.randn(old.shape, generator=torch.Generator().manual_seed(3)) * 30
    return changed


def image_sizes(config: Any) -> list[tuple[int, int]]:
    """List image sizes to try, the configured ones first."""
    pair = getattr(config, "image_size", None)
    sizes = [tuple(pair)] if isinstance(pair, (list, tuple)) and len(pair) == 2 else []
    sizes += [(min(sizes[0]),) * 2] if sizes else []
    sizes += [
        (v, v)
        for v in integers(config, "image_size", "input_size", "pretrain_image_size", "force_image_size", "img_size")
    ]
    patch = max(integers(config, "patch_size", "vision_patch_size") or [16])
    for name in ("num_position_embeddings", "position_embedding_size", "num_patches", "max_num_patches"):
        sizes += [(math.isqrt(v) * patch,) * 2 for v in integers(config, name) if math.isqrt(v) ** 2 == v]
    sizes += [(224, 224), (384, 384), (patch * 16,) * 2, (512, 512), (64, 64)]
    return [s for i, s in enumerate(sizes) if s not in sizes[:i] and 8 < max(s) <= 1100]


def image_recipes(tower: nn.Module) -> Iterator[Recipe]:
    """Call a tower with pixels: one image, frames, or flattened patches with their grid."""
    names, config = signature(tower), tower.config
    name = next(
        (
            n
            for n in (
                "pixel_values",
                "pixel_values_videos",
                "images",
                "pixels",
                "hidden_states",
                "x",
                "image",
                "patch_embeds",
            )
            if n in names
        ),
        None,
    )
    if name is None:
        return
    channels = (integers(config, "num_channels", "in_channels", "in_chans", "channels") or [3])[0]
    patch = max(integers(config, "patch_size", "vision_patch_size", "encoder_stride") or [16])
    patch = patch if patch >= 8 else 16
    frames = (integers(config, "num_frames", "temporal_patch_size", "frames") or [2])[0]
    with_text = "input_ids" in names or "decoder_input_ids" in names

    def make(variant: str, size: tuple[Any, ...]) -> Inputs:
        shape, pixels_size, text = size
        generator = torch.Generator().manual_seed(8 if variant == "content" else 4)
        pixels = torch.randn((*shape, *pixels_size), generator=generator)
        if variant in (*CORNERS, LATE):
            pixels = corner(pixels, variant, 1, patch)
        out: Inputs = {name: pixels}
        if "target_sizes" in names and "pixel_values" in names:
            out["target_sizes"] = torch.tensor([[s // patch for s in pixels_size]])
        for extra in ("prompt_pixel_values", "prompt_masks"):
            if extra in names:
                out[extra] = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(12))
        for extra in ("input_ids", "decoder_input_ids") if text else ():
            if extra in names:
                drawn = tokens(torch.Generator().manual_seed(6 if variant == "content" else 5), text + 1, config)
                out[extra] = drawn[:, :text].clone()
                if variant == "top left":
                    out[extra][0, -1] = drawn[0, -1]
        return out

    shapes = [(1, channels), (1, frames, channels), (1, 1, channels), (1, channels, frames), (frames, channels)]
    if "hidden_states" in name or name == "x":
        shapes = shapes[:1]
    texts = (0, LENGTH) if with_text else (0,)
    sizes = image_sizes(config)
    if name == "patch_embeds":  # made by another tower: one state a patch
        shapes, sizes = [(1, integers(config, "hidden_size")[0])], [(h // patch, w // patch) for h, w in sizes]
    for text in texts:
        for shape in shapes:
            for size in sizes if shape == shapes[0] else sizes[:1]:
                yield Recipe(
                    "image",
                    make,
                    (shape, size, text),
                    (shape, size, text + 3) if text else None,
                    {"patch": patch, "image": size},
                )


def patch_recipes(tower: nn.Module) -> Iterator[Recipe]:
    """Call a tower with patches already cut: rows of pixels and the grid they came from."""
    names, config = signature(tower), tower.config
    grid_name = next(
        (
            n
            for n in (
                "grid_thw",
                "image_grid_thw",
                "grid_hw",
                "grid_hws",
                "spatial_shapes",
                "image_position_ids",
                "pixel_position_ids",
            )
            if n in names
        ),
        None,
    )
    name = next((n for n in ("pixel_values", "hidden_states", "flattened_patches", "x") if n in names), None)
    if name is None or (grid_name is None and name not in ("flattened_patches", "pixel_values")):
        return
    patch = max(integers(config, "patch_size", "vision_patch_size") or [16])
    channels = (integers(config, "num_channels", "in_channels", "in_chans", "channels") or [3])[0]
    times = (integers(config, "temporal_patch_size", "patch_temporal") or [1])[0]
    merge = (integers(config, "spatial_merge_size", "merge_size") or [1])[0]

    def make(variant: str, size: tuple[Any, ...]) -> Inputs:
        (height, width), feature, batched = size
        count = height * width
        values = torch.randn(
            (count, *feature), generator=torch.Generator().manual_seed(8 if variant == "content" else 4)
        )
        block = (
            merge if height % merge == 0 and width % merge == 0 and grid_name in ("grid_thw", "image_grid_thw") else 1
        )
        last = block - 1  # merged models want their patches block by block
        corners = {
            "top left": 0,
            "top right": (width // block - 1) * block * block + last,
            "bottom left": (height // block - 1) * width * block + last * block,
        }
        at = corners.get(variant)
        if at is not None:
            values[at] += 3 * torch.randn(feature, generator=torch.Generator().manual_seed(3))
        if name == "flattened_patches":
            ids = torch.stack(
                torch.meshgrid(torch.arange(1, height + 1), torch.arange(1, width + 1), indexing="ij"), -1
            ).reshape(count, 2)
            values = torch.cat([ids.to(values), values], -1)
        out: Inputs = {name: values[None] if batched else values}
        if grid_name in ("grid_thw", "image_grid_thw"):
            out[grid_name] = torch.tensor([[1, height, width]])
        elif grid_name in ("grid_hw", "grid_hws", "spatial_shapes"):
            out[grid_name] = torch.tensor([[height, width]])
        elif grid_name is not None:
            ids = torch.stack(torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"), -1).reshape(
                1, count, 2
            )
            out[grid_name] = ids
        for extra in ("pixel_attention_mask", "attention_mask"):
            if extra in names and batched:
                out[extra] = torch.ones(1, count, dtype=torch.long)
        return out

    sides = [
        math.isqrt(v)
        for v in integers(
            config, "num_patches", "num_position_embeddings", "position_embedding_size", "num_image_positions"
        )
        if math.isqrt(v) ** 2 == v
    ]
    widths = [m.in_features for m in tower.modules() if isinstance(m, nn.Linear)][:1]
    for side in [(s, s) for s in sides if 2 < s <= 64] + [(16, 16), (24, 24), (8, 12)]:
        for feature, batched in (
            ((channels * times * patch * patch,), False),
            ((channels * patch * patch,), True),
            ((channels, patch, patch), False),
            ((channels, patch, patch), True),
            ((channels * patch * patch,), False),
            *(((width,), batched) for width in widths for batched in (False, True)),
        ):
            yield Recipe("image", make, (side, feature, batched), note={"patch": patch, "grid": side})
