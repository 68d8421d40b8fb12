"""Names of files where no list is given."""

import json

import pytest

from posembed.checkpoint.remote.known import KNOWN, folders_in, shards_in


def test_what_an_index_and_a_list_of_modules_name():
    index = {"weight_map": {"a": "1.safetensors", "b": "part/2.safetensors", "c": "1.safetensors"}}
    assert shards_in(json.dumps(index).encode()) == ["1.safetensors", "part/2.safetensors"]
    assert folders_in(b'[{"path": "0_Transformer"}, {"path": "1_Pooling/"}, {"path": ""}]') == [
        "0_Transformer",
        "1_Pooling",
    ]


@pytest.mark.parametrize("text", [b"", b"[", b"<html>", b'{"weight_map": 3}', b'{"weight_map": {"a": 1}}', b"[1, {}]"])
def test_what_is_broken_names_nothing(text):
    assert (shards_in(text), folders_in(text)) == ([], [])


def test_names_that_lead_out_are_not_asked_for():
    assert shards_in(b'{"weight_map": {"a": "../x", "b": "/etc/x", "c": "x"}}') == ["x"]
    assert folders_in(b'[{"path": "../secret"}]') == []


def test_no_name_is_asked_for_twice():
    assert len(KNOWN) == len(set(KNOWN))
