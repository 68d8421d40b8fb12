"""An evaluation in a terminal: every number of the record, and how it was measured."""

import io

import pytest
from rich.console import Console

from posembed.errors import ArgumentTypeError
from posembed.records.evaluation import Evaluation
from posembed.report.terminal.evaluate import evaluation_remarks, evaluation_tables, print_evaluation, result_tables

MACHINE = {"posembed": "0.2", "torch": "2.9", "python": "3.13", "cpu": "a processor"}
SETUP = {
    "data": "stdlib", "lengths": [128, 1024], "documents": 20, "seed": 3, "precision": "fp32", "usable_length": 512,
    "original_usable_length": 256, "split": "test",
}  # fmt: skip


def interval(mean):
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}


def embedding():
    cells = [
        {"task": "passkey", "length": length, "system": system, "documents": 20, "accuracy": interval(mean),
         "by_depth": [mean, None, 0.25, 0.5, 1.0]}
        for length, system, mean in ((128, "checkpoint", 0.75), (128, "truncated", 0.5), (1024, "truncated", 0.125))
    ]  # fmt: skip
    fidelity = {"texts": 20, "equal": 19, "longest": 126, "rank_correlation": None, "cosine": interval(0.5)}
    return Evaluation.from_dict({
        "created": "now", "kind": "embedding", "checkpoint": "a\x1b[31m", "original": "b", "environment": MACHINE,
        "configuration": SETUP | {"tasks": ["passkey"], "pool": 10, "short": 126}, "cells": cells, "comparisons": [],
        "fidelity": fidelity | {"cosine": interval(0.5) | {"least": -0.25}}, "verdict": ["It is\x1b better."],
    })  # fmt: skip


def language():
    parts = [{"from": 0, "to": 64, "loss": 3.0}, {"from": 64, "to": 128, "loss": None}]
    cells = [
        {"length": 128, "system": system, "documents": 4, "loss": interval(mean), "buckets": parts}
        for system, mean in (("sliding window", 3.25), ("checkpoint", 2.5))
    ]  # fmt: skip
    return Evaluation.from_dict({
        "created": "now", "kind": "masked", "checkpoint": "a", "original": "b", "environment": MACHINE,
        "configuration": SETUP | {"lengths": [128]}, "cells": cells, "context_gain": [], "shuffled": [], "verdict": [],
    })  # fmt: skip


def test_tables_of_an_embedding_model():
    accuracy, depth, short = evaluation_tables(embedding())
    assert accuracy.title == "passkey: fraction of queries whose document ranked first of 10"
    assert list(accuracy.header) == ["", "128 tokens", "1024 tokens"]
    assert [list(row) for row in accuracy.rows] == [
        ["checkpoint", "0.75 (0.65 to 0.85)", "–"],
        ["truncated", "0.50 (0.40 to 0.60)", "0.12 (0.02 to 0.23)"],
    ]
    assert list(depth.header) == [
        "task",
        "tokens",
        "0 to 20 %",
        "20 to 40 %",
        "40 to 60 %",
        "60 to 80 %",
        "80 to 100 %",
    ]
    assert [list(row) for row in depth.rows] == [["passkey", "128", "0.75", "–", "0.25", "0.50", "1.00"]]
    assert [row[1] for row in short.rows] == ["0.5000", "−0.2500", "–", "19 of 20"]
    assert "up to 126 tokens" in short.title


def test_tables_of_a_language_model():
    (table,) = evaluation_tables(language())
    assert table.title == "Loss in nats per token at 128 tokens, by position"
    assert list(table.header) == ["", "all", "0 to 64", "64 to 128"]
    assert [list(row) for row in table.rows] == [
        ["sliding window", "3.250 (3.150 to 3.350)", "3.000", "–"],
        ["checkpoint", "2.500 (2.400 to 2.600)", "3.000", "–"],
    ]


def with_costs():
    plain = embedding().to_dict()
    cells = [
        {"task": task, "length": length, "system": system, "documents": documents, "accuracy": interval(0.5),
         "by_depth": depths, "vectors_per_document": vectors, "tokens_per_document": 7.0, "query_ms": query_ms}
        for task, length, system, documents, depths, vectors, query_ms in (
            ("passkey", 128, "checkpoint", 20, [0.5, 0.5], 1.0, 2.0),
            ("passkey", 1024, "checkpoint", 20, [0.5, 0.5], 1.0, 4.0),
            ("passkey", 128, "BM25", 20, [0.5, 0.5], None, 0.125),
            ("passkey", 1024, "best chunk 128", 20, [0.5, 0.5], 9.0, 2.5),
            ("passkey", 1024, "best chunk 512", 20, [0.5, 0.5], 2.75, 2.5),
            ("passkey", 1024, "BM25", 20, [0.5, 0.5], None, 0.25),
            ("short texts", 128, "checkpoint", 8, [0.5, None], 1.0, 2.0),
        )
    ]  # fmt: skip
    return Evaluation.from_dict(plain | {"cells": cells})


def test_what_a_search_costs_stands_in_the_table():
    accuracy, short, depth, _ = evaluation_tables(with_costs())
    assert list(accuracy.header) == ["", "128 tokens", "1024 tokens", "vectors per document", "ms per query"]
    assert [[row[0], row[1], row[3], row[4]] for row in accuracy.rows] == [
        ["checkpoint", "0.50 (0.40 to 0.60)", "1", "3.00"],
        ["best chunk 128", "–", "9", "2.50"],
        ["best chunk 512", "–", "2.8", "2.50"],
        ["BM25", "0.50 (0.40 to 0.60)", "none", "0.19"],
    ]
    assert short.title == "short texts: fraction of queries whose document ranked first of 8"
    assert list(short.header) == ["", "128 tokens", "vectors per document", "ms per query"]
    assert [row[0] for row in depth.rows] == ["passkey", "passkey"]  # a short text has no depths


def test_which_system_to_use_comes_first():
    made = [
        {"task": "title", "scope": "longer", "lengths": [1024, 2048], "budget": budget, "system": system,
         "accuracy": interval(0.5), "vectors_per_document": vectors, "best": system, "ties": ties}
        for budget, system, vectors, ties in (
            ("any", "BM25", None, ["a", "b", "c"]), ("several vectors", "best chunk 128", 12.75, []),
        )
    ]  # fmt: skip
    first, *_ = evaluation_tables(Evaluation.from_dict(embedding().to_dict() | {"recommendations": made}))
    assert first.title == "Which system to use for documents longer than the original takes"
    assert [list(row) for row in first.rows] == [
        ["title", "1024, 2048", "any", "BM25", "0.50 (0.40 to 0.60)", "none", "a, b and 1 more"],
        ["title", "1024, 2048", "several vectors", "best chunk 128", "0.50 (0.40 to 0.60)", "12.8", "–"],
    ]


@pytest.mark.parametrize(
    ("evaluation", "test", "tasks"),
    [
        (embedding(), "McNemar's exact test", True),
        (language(), "Wilcoxon's signed-rank test (next sentences: McNemar's exact test)", False),
    ],
)
def test_how_it_was_measured(evaluation, test, tasks):
    *systems, first, second, third = evaluation_remarks(evaluation)
    assert len(systems) == tasks
    assert f"P-values: {test}, with Holm's correction" in first
    assert "20 documents per cell from stdlib, test set, seed 3, fp32" in second
    assert "the checkpoint takes 512 tokens, the original 256." in second
    assert ("they are not LongEmbed" in second) == tasks
    assert third == "posembed 0.2, torch 2.9, Python 3.13, a processor."


def test_the_verdict_comes_last():
    console = Console(file=io.StringIO(), width=200)
    print_evaluation(embedding(), console)
    printed = console.file.getvalue()
    assert printed.splitlines()[-1] == "Verdict: It is\\x1b better."
    assert "0.75 (0.65 to 0.85)" in printed


def test_other_results_have_no_tables():
    with pytest.raises(ArgumentTypeError, match="dict is not the results of an evaluation"):
        result_tables({}, embedding())
