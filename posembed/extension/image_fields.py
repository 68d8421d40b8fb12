"""Sizes that the processors of images, videos and sound must follow: their files beside the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from posembed.checkpoint.json_object import read_json
from posembed.extension.field_change import FieldChange, in_form, resized
from posembed.find import families
from posembed.find.config import Node, nodes, number, pair
from posembed.find.families import companions
from posembed.find.token_limits import existing
from posembed.layout import TableLayout

Sides = tuple[int, int]
Settings = tuple[Path, Mapping[str, object]]


def processor_files(directory: Path) -> Iterator[Settings]:
    """Yield the processors' files of a Transformers directory with their content."""
    for name in companions.PROCESSOR_FILES:
        for file in existing(directory / name):
            yield file, read_json(file)


def image_changes(directory: Path, old: Sides, new: Sides) -> Iterator[FieldChange]:
    """Yield the sizes in pixels in the image processor's files that must change.

    Args:
        directory: the Transformers directory.
        old: the image in pixels, ``(height, width)``, before.
        new: the image in pixels, afterwards.
    """
    for file, settings in processor_files(directory):
        yield from tiled_changes((file, settings), old, new)
        yield from keyed_changes((file, settings), companions.KEYED_BY_PIXELS, max(old), max(new))
        for node in nodes(settings):
            yield from _sizes(file, node, old, new)
            for name in companions.PROCESSOR_PARTS:
                value = node.fields.get(name)
                part = _part(value, old, new)
                if part is not None:
                    yield FieldChange(file, (*node.path, name), value, part, "is a fixed part of the image's size")


def tiled_changes(settings: Settings, old: Sides, new: Sides) -> Iterator[FieldChange]:
    """Yield the lists of images that are tiles of the model's size (LLaVA-NeXT): as many tiles of the new one."""
    file, content = settings
    for node in nodes(content):
        for name in companions.TILED_SIZES:
            value = node.fields.get(name)
            both = [pair(each) for each in value] if isinstance(value, list) else []
            sizes = [size for size in both if size is not None and not (size[0] % old[0] or size[1] % old[1])]
            if sizes and len(sizes) == len(both):
                grown = [[size[0] // old[0] * new[0], size[1] // old[1] * new[1]] for size in sizes]
                yield FieldChange(
                    file, (*node.path, name), value, grown, "images of tiles as large as the model's image"
                )


def keyed_changes(settings: Settings, names: tuple[str, ...], old: int, new: int) -> Iterator[FieldChange]:
    """Yield the objects that say something about images by their size: what they say of the old one, of the new."""
    file, content = settings
    for node in nodes(content):
        for name in names:
            value = node.fields.get(name)
            if isinstance(value, dict) and str(old) in value and old != new:
                grown = {str(new) if key == str(old) else key: each for key, each in value.items() if key != str(new)}
                yield FieldChange(file, (*node.path, name), value, grown, "has an entry for the model's image")


def _sizes(file: Path, node: Node, old: Sides, new: Sides) -> Iterator[FieldChange]:
    crop = node.fields.get("crop_size")
    for name in companions.PROCESSOR_SIZES:
        value = node.fields.get(name)
        grown = resized(value, old, new)
        if grown is None and name == "size" and pair(crop) == old:
            grown = _margin(value, old, new)
        if grown is not None and grown != value:
            how = "cropped" if name == "crop_size" else "resized"
            yield FieldChange(file, (*node.path, name), value, grown, f"images are {how} to the model's size")


def _margin(size: object, old: Sides, new: Sides) -> Any:
    """Return the size to which images are resized before they are cropped: the same margin around the new size."""
    edge = number(size.get("shortest_edge")) if isinstance(size, dict) else number(size)
    if edge is not None:
        grown = round(edge * min(new) / min(old))
        return None if edge <= min(old) else {**size, "shortest_edge": grown} if isinstance(size, dict) else grown
    sides = pair(size)
    if sides is None or any(side < least for side, least in zip(sides, old, strict=True)):
        return None
    height, width = (round(side * more / less) for side, more, less in zip(sides, new, old, strict=True))
    return in_form(size, height, width)


def _part(value: object, old: Sides, new: Sides) -> Any:
    """Return a size that is a whole fraction of the image's, for the new image."""
    sides = pair(value) or pair(value.get("longest_edge") if isinstance(value, dict) else None)
    if sides is None or min(sides) < 1 or any(side % part for side, part in zip(old, sides, strict=True)):
        return None
    parts = [side // part for side, part in zip(old, sides, strict=True)]
    return resized(value, sides, (new[0] // parts[0], new[1] // parts[1])) if parts[0] == parts[1] > 1 else None


def patch_changes(directory: Path, old: TableLayout, new: TableLayout, merged: int = 1) -> Iterator[FieldChange]:
    """Yield the numbers of patches and of an image's tokens in the processor's files that must change."""
    if old.grid is None or new.grid is None:
        return
    for file, settings in processor_files(directory):
        yield from image_tokens((file, settings), old, new, merged)
        for node in nodes(settings):
            for name in companions.PROCESSOR_COUNTS:
                if number(node.fields.get(name)) == old.positions:
                    yield FieldChange(file, (*node.path, name), old.positions, new.positions, "counts the patches")
            for name in companions.PROCESSOR_SIDES:
                value = node.fields.get(name)
                sides = resized(value, old.grid, new.grid)
                if sides is not None:
                    yield FieldChange(file, (*node.path, name), value, sides, "counts the patches of one side")


def image_tokens(settings: Settings, old: TableLayout, new: TableLayout, merged: int = 1) -> Iterator[FieldChange]:
    """Yield the counts of an image's tokens, wherever a configuration or a processor repeats them.

    Args:
        settings: a file and its content.
        old: the grid's layout, before.
        new: its layout, afterwards.
        merged: side of the squares of patches that become one token.
    """
    counts = {_tokens(old, merged): _tokens(new, merged), old.rows: new.rows, old.positions: new.positions}
    file, content = settings
    for node in nodes(content):
        for name in companions.IMAGE_TOKEN_FIELDS:
            value = number(node.fields.get(name))
            if value is not None and value in counts:
                yield FieldChange(file, (*node.path, name), value, counts[value], "counts an image's tokens")


def _tokens(layout: TableLayout, merged: int) -> int:
    """Return how many squares of patches a grid has; the last of a side may lack patches."""
    assert layout.grid is not None
    height, width = layout.grid
    return -(-height // merged) * -(-width // merged)


def frame_changes(directory: Path, name: str, old: int, new: int) -> Iterator[FieldChange]:
    """Yield the fields of a processor that repeat one of the configuration's: frames of a video or of a spectrogram."""
    for file, settings in processor_files(directory):
        for node in nodes(settings):
            if number(node.fields.get(name)) == old:
                yield FieldChange(file, (*node.path, name), old, new, f"must equal the model's {name}")


def window_changes(directory: Path, name: str, old: int, new: int) -> Iterator[FieldChange]:
    """Yield the length of the sound that a feature extractor cuts for an encoder of other rows (Whisper's 30 seconds).

    A length that is not a whole number of seconds cannot be written, since the extractor counts in them: see
    :func:`window_notes`.
    """
    for file, node, law in _windows(directory, name, old):
        samples, rate = _samples(node, law, new)
        if samples % rate:
            continue
        values = {law.seconds: samples // rate, law.samples: samples, law.total: new * law.frames}
        for each, value in values.items():
            before = node.fields.get(each)
            if before is not None and before != value:
                yield FieldChange(file, (*node.path, each), before, value, "the sound that the encoder takes")


def window_notes(directory: Path, name: str, old: int, new: int) -> Iterator[str]:
    """Yield why a feature extractor keeps its window though the encoder takes another."""
    for file, node, law in _windows(directory, name, old):
        samples, rate = _samples(node, law, new)
        if samples % rate:
            yield (
                f"{file.name}: {law.seconds} stays {node.fields[law.seconds]}, because {new} rows are "
                f"{samples / rate:g} seconds and the extractor counts whole ones: cut or pad its output to "
                f"{new * law.frames} frames"
            )


def _windows(directory: Path, name: str, rows: int) -> Iterator[tuple[Path, Node, families.SoundWindow]]:
    """Yield the feature extractors whose window is as long as an encoder of some rows takes."""
    for law in families.SOUND_WINDOWS:
        for file, settings in processor_files(directory) if law.field == name else ():
            for node in nodes(settings):
                seconds, rate, hop = (number(node.fields.get(each)) for each in (law.seconds, law.rate, law.hop))
                if seconds and rate and hop and seconds * rate == rows * law.frames * hop:
                    yield file, node, law


def _samples(node: Node, law: families.SoundWindow, rows: int) -> tuple[int, int]:
    """Return the samples that make some rows, and how many a second has."""
    hop, rate = number(node.fields[law.hop]), number(node.fields[law.rate])
    assert hop is not None
    assert rate is not None
    return rows * law.frames * hop, rate
