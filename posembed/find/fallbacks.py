"""Tables that no single field explains: timm's, those over frames and patches, and those without a configuration."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import Node, is_family, number, pair
from posembed.find.families import weights
from posembed.find.found import FieldRule, FoundTable
from posembed.find.kinds import TableKind
from posembed.find.read_grid import patch_beside
from posembed.find.stored_layout import RowShape
from posembed.find.verdict import Reading, explained, found_table, named
from posembed.layout import TableLayout


def read_video(tensor: StoredTensor, shape: RowShape, tree: list[Node]) -> FoundTable | None:
    """Return a table over frames and patches, flattened, if the configuration describes one of as many rows."""
    for node in tree:
        sizes = _frames_and_patches(node)
        if sizes is None:
            continue
        times, patches, tubelet = sizes
        prefix = shape.rows - times * patches
        if prefix in (0, 1):  # one row more is a class token's
            evidence = [named(tensor.key), explained(shape.rows, f"{times} frames × {patches} patches", prefix)]
            layout = TableLayout(length=times * patches, prefix=prefix)
            fields = (FieldRule(node.dotted(families.VIDEO_FIELDS[0]), "tubelets", (patches, tubelet)),)
            reading = Reading(node.model_type, TableKind.TIME, layout, evidence, fields=fields)
            return found_table(tensor, shape, reading)
    return None


def _frames_and_patches(node: Node) -> tuple[int, int, int] | None:
    """How many frames and patches the tubelets of a video make, and the frames of one; ``None`` for less than two."""
    frames, tubelet, image = (node.fields.get(name) for name in families.VIDEO_FIELDS)
    size, count = pair(image), number(frames)
    if size is None or count is None or not isinstance(tubelet, list) or len(tubelet) != 3:
        return None
    if not all(number(n) for n in tubelet):
        return None
    times, patches = count // tubelet[0], (size[0] // tubelet[1]) * (size[1] // tubelet[2])
    return (times, patches, tubelet[0]) if times > 1 and patches > 1 else None


def read_timm_grid(
    tensor: StoredTensor, shape: RowShape, tree: list[Node], tensors: Mapping[str, StoredTensor]
) -> FoundTable | None:
    """Return the grid of a timm model: its configuration says the image, and only one patch size fits the rows."""
    root = tree[0]
    if not root.model_type.startswith("timm/"):
        return None
    own = _naflex_grid(tensor, shape, tree, tensors) or _own_grid(tensor, shape, root.model_type, tensors)
    if own is not None:
        return own
    by_path = {node.path: node.fields for node in tree}
    for name in families.TIMM_SIZES:
        part, field = name.split(".")
        image = pair(by_path.get((part,), {}).get(field))
        if image is None:
            continue
        fits = _timm_fits(tensor, shape, image, tensors)
        if not fits and (overlapping := _overlapping(tensor, shape, image, tensors, name)) is not None:
            return found_table(tensor, shape, replace(overlapping, family=root.model_type))
        if len(fits) != 1:
            continue
        ((height, width, prefix), side), *_ = fits.items()
        evidence = [
            named(tensor.key),
            f"rows {shape.rows} = {height} × {width} + {prefix}: {name} in patches of {side}",
        ]
        layout = TableLayout(grid=(height, width), prefix=prefix)
        unused = (image[0] - height * side, image[1] - width * side)
        fields = (FieldRule(families.TIMM_SIZES[1], "pixels", (side, side), unused),)
        return found_table(tensor, shape, Reading(root.model_type, TableKind.GRID, layout, evidence, fields=fields))
    return None


def _naflex_grid(
    tensor: StoredTensor, shape: RowShape, tree: list[Node], tensors: Mapping[str, StoredTensor]
) -> FoundTable | None:
    """Return the grid of a NaFlexVit, which is no grid of the image: the model resizes it for every image.

    The side of a patch follows from the map that embeds patches, whether it is linear or a convolution.
    """
    root = tensor.key.rpartition(".")[0]
    embed = tensors.get(f"{root}.{families.NAFLEX_EMBED}")
    if shape.grid is None or embed is None or len(embed.shape) not in (2, 4):
        return None
    numbers = math.prod(embed.shape[1:])
    sizes = [node.fields.get("input_size") for node in tree]
    channels = next((number(size[0]) for size in sizes if isinstance(size, list) and len(size) > len("HW")), None) or 3
    side = math.isqrt(numbers // channels) if channels > 0 else 0
    if side < 1 or side * side * channels != numbers:
        return None
    tall, wide = shape.grid
    evidence = [named(tensor.key), f"{tall} × {wide} rows, in patches of {side}, which the model resizes for an image"]
    fields = (FieldRule(families.TIMM_GRID, "side", (side, side)),)
    layout = TableLayout(grid=shape.grid)
    return found_table(tensor, shape, Reading(tree[0].model_type, TableKind.GRID, layout, evidence, fields=fields))


def _own_grid(
    tensor: StoredTensor, shape: RowShape, family: str, tensors: Mapping[str, StoredTensor]
) -> FoundTable | None:
    """Return a grid that a field of its own sizes, because the code stretches it over every image."""
    root, side = tensor.key.rpartition(".")[0], math.isqrt(shape.rows)
    for law in families.OWN_GRIDS:
        beside = re.compile(rf"{re.escape(root)}\.?(?:{law.beside})")
        there = not law.beside or any(beside.fullmatch(key) for key in tensors)
        grid = shape.grid or ((side, side) if side * side == shape.rows else None)
        if grid is None or not there or not is_family(family, law.families):
            continue
        evidence = [
            named(tensor.key),
            f"{grid[0]} × {grid[1]} rows ({law.field}), which the model resizes for an image",
        ]
        patch = patch_beside(tensor.key, tensors) if law.patches else (0, 0)
        fields = (FieldRule(law.field, "side", patch, square=law.square),)
        reading = Reading(family, TableKind.GRID, TableLayout(grid=grid), evidence, fields=fields)
        return found_table(tensor, shape, reading)
    return None


def _timm_fits(
    tensor: StoredTensor, shape: RowShape, image: tuple[int, int], tensors: Mapping[str, StoredTensor]
) -> dict[tuple[int, int, int], int]:
    """The grids ``(height, width, prefix)`` of an image that have as many rows, each with the likeliest patch."""
    fits: dict[tuple[int, int, int], int] = {}
    prefixes = token_sums(extra_tokens(tensor.key, tensors))
    for side in _likely_sides(image, tensors):
        height, width = image[0] // side, image[1] // side
        prefix = shape.rows - height * width
        shown = shape.grid is None or ((height, width) == shape.grid and prefix == 0)
        if prefix in prefixes and shown:
            fits.setdefault((height, width, prefix), side)
    return fits


def _overlapping(
    tensor: StoredTensor,
    shape: RowShape,
    image: tuple[int, int],
    tensors: Mapping[str, StoredTensor],
    name: str,
) -> Reading | None:
    """Return the grid of patches that overlap (PiT): a kernel of 16 pixels in steps of 8 is 27 times in 224 pixels."""
    for kernel in sorted(_kernels(tensors)):
        for step in (step for step in range(1, kernel) if kernel % step == 0):
            height, width = ((side - kernel) // step + 1 for side in image)
            whole = all((side - kernel) % step == 0 for side in image)
            if whole and shape.grid == (height, width):
                evidence = [
                    named(tensor.key),
                    f"{height} × {width} rows: {name} in patches of {kernel}, in steps of {step}",
                ]
                over = (kernel - step, kernel - step)
                fields = (FieldRule(families.TIMM_SIZES[1], "pixels", (step, step), overlap=over),)
                return Reading("timm", TableKind.GRID, TableLayout(grid=shape.grid), evidence, fields=fields)
    return None


def _kernels(tensors: Mapping[str, StoredTensor]) -> set[int]:
    """Sides of the kernels that cut patches."""
    return {
        tensor.shape[-1]
        for key, tensor in tensors.items()
        if re.search(families.PATCH_KERNEL, key) and len(tensor.shape) == 4
    }


def _likely_sides(image: tuple[int, int], tensors: Mapping[str, StoredTensor]) -> list[int]:
    """Sides of a patch, likeliest first: the kernel that cuts the patches, then what divides the image, then the rest.

    224 pixels make 14 patches of 16 and, rounded down, of 15.
    """
    kernels = _kernels(tensors)
    sides = range(1, weights.LARGEST_PATCH + 1)
    return sorted(sides, key=lambda side: (side not in kernels, bool(image[0] % side or image[1] % side), side))


def extra_tokens(key: str, tensors: Mapping[str, StoredTensor]) -> list[int]:
    """Return how many rows each class, distillation or register parameter beside a table takes of it."""
    if re.search(families.ATTENTION_POOL, key):
        return [1]
    root, _, name = key.removesuffix(".weight").rpartition(".")  # an nn.Embedding is a module beside the parameter
    rows = []
    for other, tensor in tensors.items():
        folder, _, token = other.rpartition(".")
        if folder == root and re.search(families.EXTRA_TOKEN, token) and _branch(name) == _branch(token):
            rows.append(math.prod(tensor.shape[:-1]))  # [d] and [1, 1, d] are one token, [1, 4, d] are four
    return rows


def _branch(name: str) -> str:
    """The number at a name's end: in CrossViT, ``pos_embed_0`` goes with ``cls_token_0``."""
    number_at_end = re.search(r"_?\d+$", name)
    return number_at_end[0] if number_at_end else ""


def token_sums(counts: list[int]) -> set[int]:
    """Every number of rows that some of the tokens make."""
    sums = {0}
    for count in counts:
        sums |= {count + other for other in sums}
    return sums


def read_unexplained(
    tensor: StoredTensor, shape: RowShape, tree: list[Node], tensors: Mapping[str, StoredTensor]
) -> FoundTable:
    """Return what names and the number of rows say, uncertain if that is a guess, where no field explains the rows."""
    key, rows, family = tensor.key, shape.rows, tree[0].model_type
    evidence = [named(key), "no configuration field explains its rows"]
    image = bool(re.search(families.IMAGE_WORD, key)) or shape.stored.is_batched_rows or key.endswith("pos_embed")
    if image:
        tokens = extra_tokens(key, tensors)
        prefix = min(
            (n for n in token_sums(tokens) if rows > n and math.isqrt(rows - n) ** 2 == rows - n), default=None
        )
        if prefix is not None:
            side = math.isqrt(rows - prefix)
            square = f"rows {rows} = {side} × {side} + {prefix} if the grid is square; tokens beside it: {tokens}"
            layout = TableLayout(grid=(side, side), prefix=prefix)
            reading = Reading(family, TableKind.GRID, layout, [*evidence, square], uncertain=True)
            return found_table(tensor, shape, reading)
    fairseq = weights.FAIRSEQ_RESERVED
    reserved = fairseq if rows % weights.ROUND_LENGTH == fairseq < rows and shape.stored.is_matrix else 0
    if reserved:
        evidence.append(f"reserved {reserved}: {rows} = {rows - reserved} + 2, as in the RoBERTa and BART families")
    certain = re.search(families.TEXT_TABLE, key) is not None and not image
    layout = TableLayout(length=rows - reserved, reserved=reserved)
    return found_table(tensor, shape, Reading(family, TableKind.SEQUENCE, layout, evidence, uncertain=not certain))
