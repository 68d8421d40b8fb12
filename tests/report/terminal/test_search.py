"""What a search has measured, as a table: candidates first, then baselines, by task and length."""

import io

from rich.console import Console

from posembed.records.search import MeasuredBaseline, MethodChoice, SweptCandidate
from posembed.report.terminal.search import print_search, search_rows


def candidate(tasks, **options):
    return SweptCandidate("mean", options, 0, {256: 0.5}, None, 9, tasks, length_aware=bool(options))


CHOICE = MethodChoice(
    ("why",), "accuracy", {256: 0.5}, None,
    (candidate({"title": {256: 0.25}, "short texts": {64: 0.5}}, range=9), candidate({"title": {128: 0.125}})),
    baselines=(
        MeasuredBaseline("truncated", {"title": {128: 0.5, 256: 0.75}}, 1.0, 64.0),
        MeasuredBaseline("best chunk", {"title": {256: 1.0}}, 13.0417, 64.0),
        MeasuredBaseline("BM25", {"title": {256: 1.0}}, None, 0.0),
    ),
)  # fmt: skip


def test_rows_and_columns():
    header, rows = search_rows(CHOICE)
    assert header == ["", "title 128", "title 256", "short texts 64", "vectors"]
    assert rows == [
        ["mean, range 9, length-aware", "", "0.25", "0.50", "1"],
        ["mean", "0.12", "", "", "1"],
        ["truncated", "0.50", "0.75", "", "1"],
        ["best chunk", "", "1.00", "", "13"],
        ["BM25", "", "1.00", "", "–"],
    ]


def test_a_language_model_has_no_tasks():
    stream = io.StringIO()
    loss = SweptCandidate("tile", {}, 0, None, {64: 1.0}, 9)
    print_search(MethodChoice(("why",), "loss", {64: 1.0}, None, (loss,)), Console(file=stream))
    assert stream.getvalue() == ""
    print_search(CHOICE, Console(file=stream, width=120))
    assert "title 256" in stream.getvalue()
