"""The result of an evaluation becomes the documented JSON and comes back."""

import json

import pytest

from posembed.errors import InvalidArgumentError
from posembed.records.evaluation import (
    EmbeddingResults,
    Evaluation,
    EvaluationSetup,
    LanguageResults,
)

INTERVAL = {"mean": 0.5, "low": 0.4, "high": 0.6}
COMMON = {
    "schema": "posembed.evaluate", "schema_version": 2, "created": "2026-01-01T00:00:00+00:00", "kind": "embedding",
    "checkpoint": "a", "original": None,
    "configuration": {
        "data": "stdlib", "lengths": [128], "documents": 20, "seed": 0, "precision": "fp32", "usable_length": 512,
        "original_usable_length": 512, "split": "test",
    },
    "environment": {"posembed": "0.2.0", "cores": 2, "bf16_hardware": False, "accelerator": None},
}  # fmt: skip
EMBEDDING = COMMON | {
    "configuration": COMMON["configuration"] | {"tasks": ["passkey"], "pool": 10, "short": 126},
    "cells": [
        {"task": "passkey", "length": 128, "system": "checkpoint", "documents": 20, "accuracy": INTERVAL,
         "by_depth": [1.0, None, 0.5, 0.5, 0.5], "vectors_per_document": 1.0, "tokens_per_document": 128.0,
         "query_ms": 0.5},
    ],
    "comparisons": [
        {"task": "passkey", "length": 128, "first": "checkpoint", "second": "truncated", **INTERVAL, "p": 0.1,
         "p_holm": 0.2},
    ],
    "fidelity": {
        "texts": 20, "cosine": INTERVAL | {"least": 0.1}, "rank_correlation": None, "equal": 3, "longest": 126,
    },
    "pooled": [
        {"task": "passkey", "scope": "longer", "lengths": [1024, 2048], "first": "BM25", "second": "checkpoint",
         **INTERVAL, "p": 0.1, "p_holm": 0.2},
    ],
    "recommendations": [
        {"task": "passkey", "scope": "longer", "lengths": [1024, 2048], "budget": "any", "system": "BM25",
         "accuracy": INTERVAL, "vectors_per_document": None, "best": "BM25", "ties": ["checkpoint"]},
    ],
    "verdict": ["a sentence"], "notes": ["a note"], "recorded_original": None,
}  # fmt: skip
DIFFERENCE = {"length": 128, **INTERVAL, "p": 0.1, "documents": 20, "p_holm": 0.2}
LANGUAGE = COMMON | {
    "kind": "causal",
    "cells": [
        {"length": 128, "system": "sliding window", "documents": 20, "loss": INTERVAL,
         "buckets": [{"from": 0, "to": 64, "loss": 2.0}, {"from": 64, "to": 128, "loss": None}]},
    ],
    "context_gain": [DIFFERENCE],
    "shuffled": [],
    "choices": [{"length": 128, "system": "checkpoint", "documents": 20, "accuracy": INTERVAL}],
    "choice_gain": [
        {"length": 128, "first": "checkpoint", "second": "truncated", **INTERVAL, "p": 0.1, "documents": 20,
         "p_holm": 0.2},
    ],
    "verdict": [], "notes": [], "recorded_original": "b",
}  # fmt: skip


@pytest.mark.parametrize(("plain", "results"), [(EMBEDDING, EmbeddingResults), (LANGUAGE, LanguageResults)])
def test_the_document_and_back(plain, results):
    evaluation = Evaluation.from_dict(plain)
    assert isinstance(evaluation.results, results)
    assert json.dumps(evaluation.to_dict()) == json.dumps(plain), "the order of the keys too"
    assert Evaluation.from_dict(evaluation.to_dict()) == evaluation


def test_a_document_of_the_first_version():
    first = {n: v for n, v in EMBEDDING.items() if n not in ("notes", "recorded_original")} | {"schema_version": 1}
    assert Evaluation.from_dict(first).notes == ()


def test_a_document_without_the_keys_of_later_versions():
    later = ("pooled", "recommendations")
    cells = [{n: v for n, v in EMBEDDING["cells"][0].items() if not n.endswith(("_document", "_ms"))}]
    found = Evaluation.from_dict({n: v for n, v in EMBEDDING.items() if n not in later} | {"cells": cells}).results
    assert (found.pooled, found.recommendations, found.shortages) == ((), (), ())
    assert found.cells[0].query_ms is found.cells[0].vectors_per_document is None


def test_no_fidelity_without_an_original():
    plain = EMBEDDING | {"fidelity": None}
    assert Evaluation.from_dict(plain).results.fidelity is None
    assert Evaluation.from_dict(plain).to_dict() == plain


def test_attributes():
    evaluation = Evaluation.from_dict(LANGUAGE)
    (cell,) = evaluation.results.cells
    assert (cell.buckets[1].begin, cell.buckets[1].end, cell.loss.high) == (64, 128, 0.6)
    assert evaluation.results.context_gain[0].p_holm == 0.2
    assert (evaluation.configuration.tasks, evaluation.configuration.split) == (None, "test")


def test_as_a_mapping_it_works_and_warns():
    with pytest.warns(DeprecationWarning, match="Evaluation is a record since"):
        assert Evaluation.from_dict(EMBEDDING)["cells"] == EMBEDDING["cells"]


@pytest.mark.parametrize("changed", [{"more": 1}, {"kind": "other"}])
def test_other_documents_are_refused(changed):
    if "kind" in changed:
        changed = changed | {"context_gain": []}
    with pytest.raises(InvalidArgumentError, match="not a Evaluation"):
        Evaluation.from_dict(EMBEDDING | changed)


def test_what_a_kind_does_not_have_is_left_out():
    setup = EvaluationSetup.from_dict(COMMON["configuration"])
    assert {"tasks", "pool", "short"}.isdisjoint(setup.to_dict())
