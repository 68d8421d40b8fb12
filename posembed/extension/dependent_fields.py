"""Fields of the files beside ``config.json`` that must change with some tables: tokenizers, processors and others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from posembed.checkpoint.json_object import read_json
from posembed.checkpoint.source import Checkpoint
from posembed.extension.config_fields import new_value
from posembed.extension.field_change import FieldChange, look, resized
from posembed.extension.image_fields import frame_changes, image_changes, patch_changes, window_changes, window_notes
from posembed.extension.merged_patches import merge_of
from posembed.extension.table_change import TableChange
from posembed.extension.token_fields import TextLengths, token_changes
from posembed.find import families
from posembed.find.config import nodes, number, pair
from posembed.find.families import companions
from posembed.find.found import FieldRule
from posembed.find.token_limits import existing


def dependent_changes(checkpoint: Checkpoint, changes: Sequence[TableChange]) -> Iterator[FieldChange]:
    """Yield the fields of every file but ``config.json`` that must change with the tables."""
    merged, _ = merge_of(checkpoint.config)
    for change in changes:
        for rule in change.table.fields:
            yield from _of_rule(checkpoint, change, rule)
        yield from patch_changes(checkpoint.directory, change.table.layout, change.layout, merged)
    texts = [change for change in changes if change.table.counts_tokens]
    if texts:
        yield from token_changes(checkpoint.directory, checkpoint.root, text_lengths(checkpoint, texts))


def dependent_notes(checkpoint: Checkpoint, changes: Sequence[TableChange]) -> Iterator[str]:
    """Yield what cannot follow the tables in those files, a sentence each."""
    for change in changes:
        for rule in change.table.fields:
            before = look(checkpoint.config, rule.name.split("."))
            after = new_value(rule, before, change.table, change.layout, change.pixels)
            if number(before) is not None and before != after:
                yield from window_notes(checkpoint.directory, rule.name.rpartition(".")[2], before, after)


def text_lengths(checkpoint: Checkpoint, texts: Sequence[TableChange]) -> TextLengths:
    """Return the usable length of texts before and after: that of the shortest of some tables."""
    rule = next((rule for rule in texts[0].table.fields if rule.unit == "rows"), None)
    return TextLengths(
        min(change.table.usable_length for change in texts),
        min(change.usable_length for change in texts),
        number(look(checkpoint.config, rule.name.split("."))) if rule is not None else None,
    )


def _of_rule(checkpoint: Checkpoint, change: TableChange, rule: FieldRule) -> Iterator[FieldChange]:
    """Yield what repeats one field of the configuration in other files."""
    before = look(checkpoint.config, rule.name.split("."))
    after = new_value(rule, before, change.table, change.layout, change.pixels)
    name = rule.name.rpartition(".")[2]
    if rule.unit == "pixels":
        old, new = pair(before), pair(after)
        if old is not None and new is not None:
            yield from image_changes(checkpoint.directory, old, new)
            yield from _other_configs(checkpoint, families.IMAGE_FIELDS + companions.IMAGE_PART_SIZES, before, after)
    elif number(before) is not None and before != after:
        if rule.unit != "rows" or name in companions.FRAME_FIELDS:  # frames of a video, sides of a spectrogram
            yield from frame_changes(checkpoint.directory, name, before, after)
        yield from window_changes(checkpoint.directory, name, before, after)
        if change.table.counts_tokens:
            yield from _other_configs(checkpoint, families.LENGTH_FIELDS, before, after)


def _other_configs(
    checkpoint: Checkpoint, names: tuple[str, ...], before: object, after: object
) -> Iterator[FieldChange]:
    """Yield the same size in the configuration of another library beside the one that is read."""
    old, new = pair(before), pair(after)
    for name in companions.OTHER_CONFIGS:
        for file in existing(checkpoint.directory / name):
            if file == checkpoint.config_file or old is None or new is None:
                continue
            for node in nodes(read_json(file)):
                for field in dict.fromkeys(names):
                    value = node.fields.get(field)
                    grown = resized(value, old, new)
                    if grown is not None and grown != value:
                        why = f"repeats the size for {file.name.partition('.')[0]}"
                        yield FieldChange(file, (*node.path, field), value, grown, why)
