"""Where a checkpoint keeps its length-aware tables."""

import json
from types import SimpleNamespace

import pytest

from posembed.checkpoint.own_code import LENGTH_AWARE_MODULE, PLAIN_MODULE
from posembed.extension.length_aware_place import plain_module, tables_file, tables_name

NAME = "length_aware.safetensors"


def modules(folder, path, kind=PLAIN_MODULE):
    folder.mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": path, "type": kind}]))


def test_beside_the_weights(tmp_path):
    assert tables_file(tmp_path) is None
    (tmp_path / NAME).touch()
    assert tables_file(tmp_path) == tmp_path / NAME


def test_in_the_folder_of_the_transformer(tmp_path):
    modules(tmp_path, "0_Transformer")
    inner = tmp_path / "0_Transformer"
    inner.mkdir()
    assert tables_file(tmp_path) is None
    (inner / NAME).touch()
    assert tables_file(tmp_path) == inner / NAME
    (tmp_path / NAME).touch()  # as version 0.2 wrote it
    assert tables_file(tmp_path) == tmp_path / NAME


@pytest.mark.parametrize("content", ["{", "[]", '[{"path": "..", "type": "x.Transformer"}]'])
def test_lists_of_modules_without_a_transformer_have_none(content, tmp_path):
    (tmp_path / "modules.json").write_text(content)
    assert tables_file(tmp_path) is None


@pytest.mark.parametrize(("directory", "name"), [("", NAME), ("0_Transformer", f"0_Transformer/{NAME}")])
def test_the_name_in_a_copy(directory, name, tmp_path):
    assert tables_name(SimpleNamespace(root=tmp_path, directory=tmp_path / directory)) == name


def test_posembeds_own_module_is_named_as_the_plain_one(tmp_path):
    assert list(plain_module(tmp_path)) == []
    modules(tmp_path, "")
    assert list(plain_module(tmp_path)) == []
    modules(tmp_path, "", LENGTH_AWARE_MODULE)
    (change,) = plain_module(tmp_path)
    assert (change.file, change.path, change.after) == (tmp_path / "modules.json", (0, "type"), PLAIN_MODULE)
