"""Options of an evaluation: converted, checked, and stored as JSON."""

import json
from pathlib import Path
from typing import get_args

import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.records.evaluate import SHORTEST_DOCUMENT, TASK_NAMES, EvaluateOptions, Task


def test_options_become_json_and_come_back():
    options = EvaluateOptions(original=Path("a/model"), lengths=[128, 512], tasks=["needle"], seed=3)
    stored = json.loads(json.dumps(options.to_dict()))
    assert stored == {
        "original": "a/model", "data": "stdlib", "corpus": None, "queries": None, "qrels": None,
        "lengths": [128, 512], "tasks": ["needle"], "documents": None, "documents_from": None,
        "pool": None, "short": None, "device": "auto", "precision": "auto", "seed": 3, "trust_remote_code": False,
    }  # fmt: skip
    assert EvaluateOptions.from_dict(stored) == options


def test_every_task_by_default():
    assert EvaluateOptions().tasks is None
    assert get_args(Task) == TASK_NAMES
    assert (TASK_NAMES[0], TASK_NAMES[-1]) == ("title", "passkey")


@pytest.mark.parametrize(
    ("keywords", "error", "sentence"),
    [
        ({"lengths": []}, InvalidArgumentError, r"lengths=\[\] must be at least one number"),
        ({"lengths": [128, 63]}, InvalidArgumentError, r"lengths=\[128, 63\] must be .* each at least 64 tokens"),
        ({"tasks": ["hay"]}, InvalidArgumentError, "`tasks`: 'hay' must be one of title, section, needle"),
        ({"precision": "fp8"}, InvalidArgumentError, "precision='fp8' must be one of auto, bf16, fp32"),
        ({"length": 4}, ArgumentTypeError, "there is no option 'length'"),
    ],
)
def test_wrong_options(keywords, error, sentence):
    with pytest.raises(error, match=sentence):
        EvaluateOptions.of(None, keywords)


def test_the_shortest_document_is_accepted():
    assert EvaluateOptions(lengths=(SHORTEST_DOCUMENT,)).lengths == (64,)


def test_one_string_is_no_list_of_tasks():
    with pytest.raises(
        InvalidArgumentError,
        match=r"tasks='passkey' must be a sequence of names out of title, .*, not one string",
    ):
        EvaluateOptions(tasks="passkey")
