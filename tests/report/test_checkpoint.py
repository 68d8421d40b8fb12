"""The tables printed for `posembed inspect` and `posembed extend`: every fact once, names as text."""

import io

from rich.console import Console

from posembed.report.checkpoint import MOST_REFUSED, print_plan, print_tables
from posembed.report.plain import printable

TABLE = {
    "key": "a.position_embeddings.weight", "shape": [18, 8], "dtype": "F32", "file": "dir/model.safetensors",
    "family": "roberta", "kind": "sequence", "rows": 18, "d_model": 8, "reserved": 2, "prefix": 0, "suffix": 0,
    "length": 16, "grid": None, "usable_length": 16, "uncertain": False, "refused": None,
    "evidence": ["first reason", "second reason"], "fields": ["max_position_embeddings"],
}  # fmt: skip
PLAN = {
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
}  # fmt: skip


def printed(function, content):
    out = io.StringIO()
    function(content, Console(file=out, width=160, emoji=False))
    return out.getvalue()


def lines(text):
    """Cells of each line, without frames."""
    return [
        tuple(cell.strip() for cell in line.strip("│┃┏┓└┘").split("│")) for line in text.splitlines() if "│" in line
    ]


def test_facts_of_a_table():
    rows = lines(printed(print_tables, [TABLE]))
    assert rows == [
        ("kind", "sequence (roberta)"),
        ("shape", "18 × 8, F32"),
        ("rows", "2 reserved + 16 positions"),
        ("usable length", "16"),
        ("file", "dir/model.safetensors"),
        ("sized by", "max_position_embeddings"),
        ("evidence", "first reason"),
        ("", "second reason"),
    ]


def test_grids_and_doubts():
    text = printed(
        print_tables,
        [TABLE | {"grid": [4, 6], "length": None, "prefix": 1, "suffix": 5, "reserved": 0, "uncertain": True}],
    )
    assert ("rows", "1 prefix + 4 × 6 grid + 5 suffix") in lines(text)
    assert text.splitlines()[0].split() == [TABLE["key"], "uncertain"]


def test_refused_ones_are_grouped_by_reason():
    refused = [TABLE | {"key": f"layer.{n}", "refused": "distances"} for n in range(5)] + [
        TABLE | {"key": "x", "refused": "sinusoid"}
    ]
    text = printed(print_tables, refused)
    assert lines(text) == [("layer.0 and 4 more", "distances"), ("x", "sinusoid")]
    assert text.splitlines()[0] == "No learned position table was found."
    many = [TABLE | {"key": f"k{n}", "refused": f"reason {n}"} for n in range(MOST_REFUSED + 5)]
    assert len(lines(printed(print_tables, many))) >= MOST_REFUSED


def test_a_plan():
    text = printed(print_plan, PLAN)
    assert lines(text) == [
        ("pos", "1 × 17 × 8", "1 × 37 × 8", "bicubic, antialias=False; keeps exact: nothing"),
        ("grid", "4 × 4", "6 × 6", ""),
        ("position_ids", "1 × 17", "1 × 37", "position numbers"),
        ("config.json: image_size", "32", "48", "explains the rows"),
        ("other", "–", "–", "unchanged: is longer already"),
        ("tf_model.h5", "", "left out", "another format"),
    ]
    assert text.splitlines()[-2:] == ["Note: a [note]", "Cannot be done: it [cannot] be"]


def test_names_are_text():
    odd = "[red]x[/] <b> :smile: \x1b[1m\n"
    shown = "[red]x[/] <b> :smile: \\x1b[1m\\n"
    assert printable(odd) == shown
    assert shown in printed(print_tables, [TABLE | {"key": odd}])
    assert shown in printed(print_tables, [TABLE | {"key": odd, "refused": "why"}])
    assert shown in printed(print_plan, PLAN | {"notes": [odd]})
    fields = [PLAN["fields"][0] | {"before": odd}]
    assert shown in printed(print_plan, PLAN | {"fields": fields})


def test_printable():
    assert printable("é 日本 × …") == "é 日本 × …"
    assert printable("\ud800\u202e\x9b\0") == "\\ud800\\u202e\\x9b\\x00"
    assert printable(3) == "3"
