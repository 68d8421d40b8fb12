"""Limits of a tokenizer inside of a GGUF file follow the table."""

import json

import pytest

from posembed import plan_extension
from tests.fixtures.gguf_files import bert, gguf_bytes


def limits(folder, tokenizer, length, **keywords):
    pairs, tensors = bert(**{"tokenizer.huggingface.json": tokenizer})
    (folder / "m.gguf").write_bytes(gguf_bytes(pairs, tensors))
    plan = plan_extension(folder / "m.gguf", length, **keywords)
    return {change.name.removeprefix("tokenizer.huggingface.json."): change.after for change in plan.fields[1:]}


@pytest.mark.parametrize(
    ("tokenizer", "changed"),
    [
        ({"truncation": {"max_length": 8}}, {"truncation.max_length": 32}),
        ({"truncation": {"max_length": 64}}, {}),
        ({"truncation": None, "padding": {"strategy": {"Fixed": 16}}}, {"padding.strategy.Fixed": 32}),
        ({"padding": {"strategy": "BatchLongest"}}, {}),
        ([], {}),
    ],
)
def test_lower_limits_are_raised(tmp_path, tokenizer, changed):
    assert limits(tmp_path, json.dumps(tokenizer), 32) == changed


def test_a_shorter_table_lowers_them_and_broken_text_is_left_alone(tmp_path):
    assert limits(tmp_path, '{"truncation": {"max_length": 16}}', 8, method="crop") == {"truncation.max_length": 8}
    assert limits(tmp_path, "{broken", 32) == {}
