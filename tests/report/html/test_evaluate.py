"""The report of an evaluation: every number of the document is on it, in words or in a chart."""

import json
import re
from dataclasses import replace

import pytest

from posembed.errors import ArgumentTypeError
from posembed.records.evaluation import Evaluation
from posembed.report.html.evaluate import accuracy_chart, depth_chart, evaluate_page, loss_chart, result_charts

SETUP = {
    "data": "stdlib", "lengths": [128, 1024], "documents": 20, "seed": 0, "precision": "fp32", "usable_length": 1024,
    "original_usable_length": 512, "split": "test", "tasks": ["passkey"], "pool": 10, "short": 126,
}  # fmt: skip
MACHINE = {"posembed": "0", "torch": "2", "python": "3", "cpu": "a processor"}


def cell(length, system, mean):
    return {
        "task": "passkey", "length": length, "system": system, "documents": 20,
        "by_depth": [mean, None, mean, 0.5, 1.0],
        "accuracy": {"mean": mean, "low": mean - 0.1, "high": mean + 0.1},
    }  # fmt: skip


def embedding(name="a/checkpoint", **changed):
    plain = {
        "created": "", "schema": "posembed.evaluate", "schema_version": 1,
        "kind": "embedding", "checkpoint": name, "original": "an/original", "configuration": SETUP,
        "environment": MACHINE,
        "cells": [cell(128, "checkpoint", 0.9), cell(128, "truncated", 0.9), cell(1024, "checkpoint", 0.7),
                  cell(1024, "truncated", 0.3)],
        "comparisons": [], "verdict": ["It is better."],
        "fidelity": {"texts": 20, "equal": 20, "longest": 126, "rank_correlation": 1.0,
                     "cosine": {"mean": 1.0, "low": 1.0, "high": 1.0, "least": 1.0}},
    }  # fmt: skip
    return Evaluation.from_dict(plain | changed)


def language(parts=({"from": 0, "to": 64, "loss": 3.0}, {"from": 64, "to": 128, "loss": None})):
    cells = [
        {"length": 128, "system": system, "documents": 4, "loss": {"mean": 3.1, "low": 3.0, "high": 3.2},
         "buckets": list(parts)}
        for system in ("sliding window", "checkpoint")
    ]  # fmt: skip
    setup = {name: value for name, value in SETUP.items() if name not in ("tasks", "pool", "short")}
    setup |= {"lengths": [128], "original_usable_length": 64}
    others = ("comparisons", "fidelity", "pooled", "recommendations")
    plain = {name: value for name, value in embedding().to_dict().items() if name not in others}
    own = {"kind": "causal", "configuration": setup, "cells": cells, "context_gain": [], "shuffled": []}
    return Evaluation.from_dict(plain | own)


def accuracy(evaluation):
    return accuracy_chart(evaluation, evaluation.results.cells, "passkey")


def losses(evaluation):
    return loss_chart(evaluation, evaluation.results, 128)


def charts_of(page):
    return json.loads(re.search(r'id="charts">(.*?)</script>', page, re.DOTALL)[1])


def test_an_embedding_model():
    page = evaluate_page(embedding())
    titles = [chart["title"] for chart in charts_of(page)]
    assert titles == ["Passkey by length", "Passkey by depth"]
    assert "It is better." in page
    assert page.index("It is better.") < page.index("Charts")
    assert "a/checkpoint, compared with an/original." in page
    assert "0.70 (0.60 to 0.80)" in page


def test_charts_show_what_was_measured():
    chart = accuracy(embedding())
    assert [(each.name, list(each.x), each.y) for each in chart.series] == [
        ("checkpoint", [128, 1024], [0.9, 0.7]),
        ("truncated", [128, 1024], [0.9, 0.3]),
    ]
    assert chart.series[0].low == [0.8, 0.6]
    assert chart.marks == [{"from": 512, "to": 1024, "label": "longer than the original takes"}]
    depth = depth_chart(embedding().results.cells, "passkey")
    assert [each.name for each in depth.series] == ["128 tokens", "1024 tokens"]
    assert list(depth.series[1].y) == [0.7, None, 0.7, 0.5, 1.0]


def test_one_system_of_each_family_is_drawn():
    names = ("checkpoint", "truncated", "truncated 256", "best chunk 128", "best chunk 512", "BM25")
    evaluation = embedding(cells=[cell(length, name, 0.5) for length in (128, 1024) for name in names])
    chart = accuracy(evaluation)
    assert [each.name for each in chart.series] == ["checkpoint", "truncated", "best chunk 128", "BM25"]
    assert chart.reading.endswith("One of each kind of baseline is drawn; the table has 2 more.")


def test_a_language_model():
    page = evaluate_page(language())
    (chart,) = charts_of(page)
    assert chart["title"] == "Loss by position, 128 tokens"
    drawn = losses(language())
    assert [(each.name, list(each.x), list(each.y)) for each in drawn.series] == [
        ("sliding window", [31.5], [3.0]),
        ("checkpoint", [31.5], [3.0]),
    ]
    assert drawn.marks == [{"from": 64, "to": 128, "label": "longer than the original takes"}]


def test_without_an_original():
    alone = replace(embedding(), original=None, notes=("no original was given <here>",))
    alone = replace(alone, results=replace(alone.results, fidelity=None))
    page = evaluate_page(alone)
    assert "a/checkpoint, without an original." in page
    assert "cosine to the original" not in page
    assert "Note: no original was given &lt;here&gt;." in page
    assert accuracy(alone).marks[0]["label"] == "longer than the checkpoint takes"


def test_nothing_measured_is_said():
    nothing = embedding(cells=[])
    assert accuracy(nothing).empty == "no cell was measured"
    assert depth_chart(nothing.results.cells, "passkey").empty == "the checkpoint takes none of these lengths"
    silent = language([{"from": 0, "to": 128, "loss": None}])
    assert losses(silent).empty == "nothing was predicted"


def test_names_are_escaped():
    assert "<b>" not in evaluate_page(embedding("<b>evil</b>"))


def test_in_a_notebook():
    shown = embedding("<b>evil</b>")._repr_html_()
    assert "It is better." in shown
    assert "0.70 (0.60 to 0.80)" in shown
    assert "<b>" not in shown
    assert "Loss in nats per token at 128 tokens" in language()._repr_html_()


def test_other_results_have_no_charts():
    with pytest.raises(ArgumentTypeError, match="dict is not the results of an evaluation"):
        result_charts({}, embedding())


def test_lines_are_told_apart_by_dashes_and_colors():
    chart = accuracy(embedding())
    assert [(each.dash, each.color) for each in chart.series] == [("solid", 0), ("dash", 1)]
    depth = depth_chart(embedding().results.cells, "passkey")
    assert [(each.dash, list(each.x)) for each in depth.series] == [
        ("solid", [10, 30, 50, 70, 90]),
        ("dash", [10, 30, 50, 70, 90]),
    ]
    assert depth.reading == "Each point is the mean of about 4 documents."
    assert chart.reading == "Bands are 95 % intervals over documents; chance is 0.1."


def test_no_mark_where_nothing_is_longer():
    short = embedding(configuration=SETUP | {"original_usable_length": 1024})
    assert accuracy(short).marks == []
