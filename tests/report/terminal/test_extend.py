"""The plan that `posembed extend` prints: every change once, names as text."""

import dataclasses
import io

from rich.console import Console

from posembed.records.extension import ExtensionRecord
from posembed.records.search import MethodChoice
from posembed.report.terminal.extend import extension_rows, print_extension

RECORD = ExtensionRecord.from_dict({
    "checkpoint": "dir", "tables": [{
        "key": "pos", "file": "model.safetensors", "kind": "grid", "family": "vit",
        "shape": {"before": [1, 17, 8], "after": [1, 37, 8]}, "usable_length": {"before": 17, "after": 37},
        "grid": {"before": [4, 4], "after": [6, 6]}, "method": "bicubic", "options": {"antialias": False},
         "exact": "nothing",
    }],
    "unchanged": [{"key": "other", "reason": "is longer already"}],
    "buffers": [{"key": "position_ids", "what": "position numbers", "shape": {"before": [1, 17], "after": [1, 37]}}],
    "fields": [{"file": "config.json", "field": "image_size", "before": 32, "after": 48, "why": "explains the rows"}],
    "left_out": [{"file": "tf_model.h5", "reason": "another format"}], "blocked": ["it [cannot] be"],
     "notes": ["a [note]"],
})  # fmt: skip


def printed(record):
    stream = io.StringIO()
    print_extension(record, Console(file=stream, width=200, emoji=False))
    return stream.getvalue()


def test_every_change_is_a_row():
    assert extension_rows(RECORD) == [
        ("pos", "1 × 17 × 8", "1 × 37 × 8", "bicubic, antialias=False; keeps exact: nothing"),
        ("  grid", "4 × 4", "6 × 6", ""),
        ("position_ids", "1 × 17", "1 × 37", "position numbers"),
        ("config.json: image_size", "32", "48", "explains the rows"),
        ("other", "–", "–", "unchanged: is longer already"),
        ("tf_model.h5", "", "left out", "another format"),
    ]


def test_a_sequence_shows_its_usable_length():
    sequence = dataclasses.replace(RECORD, tables=(dataclasses.replace(RECORD.tables[0], grid=None),))
    assert extension_rows(sequence)[1] == ("  usable length", "17", "37", "")


def test_notes_and_obstacles_stand_below():
    choice = MethodChoice(("stretch is best",), "accuracy", {16: 0.5}, None, ())
    text = printed(dataclasses.replace(RECORD, chosen=choice))
    assert text.splitlines()[-3:] == ["Note: a [note]", "Not supported: it [cannot] be", "Chosen: stretch is best"]
    assert all(part in text for row in extension_rows(RECORD) for part in row)


def test_names_are_text():
    odd, shown = "[red]x[/] <b> :smile: \x1b[1m\n", "[red]x[/] <b> :smile: \\x1b[1m\\n"
    assert shown in printed(dataclasses.replace(RECORD, notes=(odd,)))
    fields = (dataclasses.replace(RECORD.fields[0], before=odd),)
    assert shown in printed(dataclasses.replace(RECORD, fields=fields))
