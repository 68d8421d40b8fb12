"""Tables that no single field explains: timm's, those over frames and patches, and those without a configuration."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import Node, number, pair
from posembed.find.found import FieldRule, FoundTable
from posembed.find.verdict import Shape, verdict
from posembed.layout import TableLayout

IMAGE_WORD = re.compile(r"(?:^|[._])(?:vision|visual|image|img|video|patch|vit|pixel)")
_EXTRA_TOKENS = re.compile(r"(?:^|[._])(?:cls|class|dist|distillation|reg|register)_?(?:token|embedding|embed)s?_?\d*$")


def frames_and_patches(node: Node, rows: int) -> tuple[Node, int, int] | None:
    """Frames and patches of a table over both: ``rows = frames × patches``, and one more for a class token."""
    frames, tubelet, image = (node.fields.get(name) for name in families.VIDEO_FIELDS)
    size, count = pair(image), number(frames)
    if size is None or count is None or not isinstance(tubelet, list) or len(tubelet) != 3:
        return None
    if not all(number(n) for n in tubelet):
        return None
    times, patches = count // tubelet[0], (size[0] // tubelet[1]) * (size[1] // tubelet[2])
    return (node, times, patches) if times > 1 and patches > 1 and rows - times * patches in (0, 1) else None


def video(tensor: StoredTensor, shape: Shape, node: Node, times: int, patches: int) -> FoundTable:
    """A table over frames and patches, flattened."""
    prefix = shape.rows - times * patches
    evidence = [
        f"named like a position table: {tensor.key}",
        f"rows {shape.rows} = {times} frames × {patches} patches" + (f" + {prefix}" if prefix else ""),
    ]
    layout = TableLayout(length=times * patches, prefix=prefix)
    return verdict(tensor, shape, node.model_type, "time", layout, evidence)


def _extra_tokens(key: str, tensors: Mapping[str, StoredTensor]) -> list[int]:
    """Rows of the class, distillation and register tokens that are stored beside a table."""
    if re.search(r"(?:attnpool|head)\.(?:pos_embed|positional_embedding)$", key):
        return [1]  # attention pooling puts the mean of the patches before them
    root, _, name = key.rpartition(".")
    branch = re.search(r"_?\d+$", name)  # crossvit: pos_embed_0 goes with cls_token_0
    found = []
    for other, tensor in tensors.items():
        folder, _, token = other.rpartition(".")
        if folder == root and _EXTRA_TOKENS.search(token):
            own = re.search(r"_?\d+$", token)
            if (branch and branch[0]) == (own and own[0]):
                found.append(_rows_of(tensor))
    return found


def _sums(counts: list[int]) -> set[int]:
    """Every number of rows that some of the tokens make."""
    sums = {0}
    for count in counts:
        sums |= {count + other for other in sums}
    return sums


def timm_grid(
    tensor: StoredTensor, shape: Shape, tree: list[Node], tensors: Mapping[str, StoredTensor]
) -> FoundTable | None:
    """The grid of a timm model: its configuration tells the image, and one patch size alone fits the rows."""
    root = tree[0]
    if not root.model_type.startswith("timm/"):
        return None
    by_path = {node.path: node.fields for node in tree}
    for name in families.TIMM_SIZES:
        part, field = name.split(".")
        image = pair(by_path.get((part,), {}).get(field))
        if image is None:
            continue
        fits: dict[tuple[int, int, int], int] = {}
        for side in _likely_sides(image, tensors):
            for prefix in _sums(_extra_tokens(tensor.key, tensors)):
                height, width = image[0] // side, image[1] // side
                if height * width == shape.rows - prefix:
                    fits.setdefault((height, width, prefix), side)
        if shape.grid is not None:
            fits = {fit: side for fit, side in fits.items() if fit[:2] == shape.grid and fit[2] == 0}
        if len(fits) != 1:
            continue
        ((height, width, prefix), side), *_ = fits.items()
        evidence = [
            f"named like a position table: {tensor.key}",
            f"rows {shape.rows} = {height} × {width} + {prefix}: {name} in patches of {side}",
        ]
        layout = TableLayout(grid=(height, width), prefix=prefix)
        fields = (FieldRule(families.TIMM_SIZES[1], "pixels", (side, side)),)
        return verdict(tensor, shape, root.model_type, "grid", layout, evidence, fields=fields)
    return None


def _likely_sides(image: tuple[int, int], tensors: Mapping[str, StoredTensor]) -> list[int]:
    """Sides of a patch, likeliest first: the kernel that cuts the patches, then what divides the image, then the rest.

    224 pixels make 14 patches of 16 and, by rounding down, of 15.
    """
    kernels = {
        tensor.shape[-1]
        for key, tensor in tensors.items()
        if re.search(r"(?:^|\.)patch_embed\.(?:.*\.)?(?:proj|conv)\d*\.weight$", key) and len(tensor.shape) == 4
    }
    return sorted(range(1, 65), key=lambda side: (side not in kernels, bool(image[0] % side or image[1] % side), side))


def _rows_of(tensor: StoredTensor) -> int:
    """How many tokens a class or register parameter is: ``[d]`` and ``[1, 1, d]`` one, ``[1, 4, d]`` four."""
    return math.prod(tensor.shape[:-1])


def unexplained(
    tensor: StoredTensor, shape: Shape, tree: list[Node], tensors: Mapping[str, StoredTensor]
) -> FoundTable:
    """No field explains the rows: what names and the number itself can say, marked as uncertain where they cannot."""
    key, rows = tensor.key, shape.rows
    evidence = [f"named like a position table: {key}", "no configuration field explains its rows"]
    family = tree[0].model_type
    image = bool(IMAGE_WORD.search(key)) or shape.memory == "1,rows" or key.endswith("pos_embed")
    if image:
        tokens = _extra_tokens(key, tensors)
        fits = sorted(p for p in _sums(tokens) if rows > p and math.isqrt(rows - p) ** 2 == rows - p)
        if fits:
            side = math.isqrt(rows - fits[0])
            evidence.append(
                f"rows {rows} = {side} × {side} + {fits[0]} if the grid is square; tokens beside it: {tokens}"
            )
            layout = TableLayout(grid=(side, side), prefix=fits[0])
            return verdict(tensor, shape, family, "grid", layout, evidence, uncertain=True)
    reserved = 2 if rows % 64 == 2 and shape.memory == "rows" else 0
    if reserved:
        evidence.append(f"reserved 2: {rows} = {rows - 2} + 2, as in the RoBERTa and BART families")
    certain = bool(re.search(r"(?:^|\.)(?:wpe|positional_embedding|positions_embed)(?:\.weight)?$", key)) and not image
    layout = TableLayout(length=rows - reserved, reserved=reserved)
    return verdict(tensor, shape, family, "sequence", layout, evidence, uncertain=not certain)
