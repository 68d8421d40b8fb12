"""What a feature extractor cannot be told about an encoder of sound at its new size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from posembed.extension.image_fields import processor_files
from posembed.extension.table_change import TableChange
from posembed.find import families
from posembed.find.config import nodes, number


def sound_notes(directory: Path, changes: Sequence[TableChange]) -> Iterator[str]:
    """Yield how long the sound is that an encoder takes, where its extractor counts whole seconds and it takes none.

    Args:
        directory: the Transformers directory.
        changes: the tables that change.
    """
    for change in changes:
        names = {rule.name.rpartition(".")[2] for rule in change.table.fields if rule.unit == "rows"}
        for law in families.SOUND_WINDOWS:
            if law.field in names:
                yield from _part_of_a_second(directory, law, change.table.layout.rows, change.layout.rows)


def _part_of_a_second(directory: Path, law: families.SoundWindow, old: int, new: int) -> Iterator[str]:
    for file, settings in processor_files(directory):
        for node in nodes(settings):
            seconds, rate, hop = (number(node.fields.get(each)) for each in (law.seconds, law.rate, law.hop))
            if not (seconds and rate and hop) or seconds * rate != old * law.frames * hop:
                continue
            samples = new * law.frames * hop
            if samples % rate:
                yield (
                    f"{file.name}: {node.dotted(law.seconds)} counts whole seconds and stays {seconds}, while the "
                    f"encoder takes {samples / rate:g} s of sound: cut or pad the features to {new * law.frames} frames"
                )
