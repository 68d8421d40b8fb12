"""A plan in a notebook: every change, notes and obstacles, names as text."""

import dataclasses

from posembed.records.extension import ExtensionRecord
from posembed.records.search import MethodChoice, SweptCandidate

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


def test_a_plan_in_a_notebook():
    html = dataclasses.replace(RECORD, chosen=MethodChoice(("it is best",), "loss", {16: 2.5}, None, ()))._repr_html_()
    for part in ("Extending dir", "1 × 17 × 8", "1 × 37 × 8", "config.json: image_size", "left out", "a [note]",
                 "Not supported: it [cannot] be", "Chosen: it is best"):  # fmt: skip
        assert part in html


def test_names_are_text():
    assert "<script>" not in dataclasses.replace(RECORD, checkpoint="<script>")._repr_html_()


def test_what_a_search_has_measured_is_a_table():
    found = SweptCandidate("mean", {"range": 9}, 0, {64: 0.5}, None, 9, {"title": {64: 0.125}}, length_aware=False)
    html = dataclasses.replace(
        RECORD, chosen=MethodChoice(("it is best",), "accuracy", {64: 0.5}, None, (found,))
    )._repr_html_()
    for part in ("title 64", "mean, range 9", "0.12", "Share of queries whose document ranks first"):
        assert part in html
