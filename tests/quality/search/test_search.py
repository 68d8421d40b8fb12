"""The search for a method: which calls are refused before any work, and what the command prints and writes."""

import dataclasses
import inspect
import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file

from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.quality.search import search
from posembed.quality.search.request import SearchRequest
from posembed.quality.search.search import allowed_methods, search_method
from posembed.records.search import SearchOptions
from posembed.tables.methods.kept_rows import keeps_old_rows
from posembed.tables.registry import find_method, register_method
from posembed.tables.search_space import SearchSpace

SMALL = {"pool": 50, "precision": "fp32"}


def test_the_same_call_chooses_the_same(model, late_data, cut_alone):
    one, other = (search_method(model, 192, data=late_data, methods=("tile",), **SMALL) for _ in range(2))
    assert one == other


def test_a_registered_method_takes_part(model, data, own_methods):
    """A method of the user's own that keeps the old rows."""

    def remembers(rows, new, *, fade):
        return np.concatenate((rows, np.repeat(rows[:32].mean(axis=0, keepdims=True), new - len(rows), axis=0)))

    space = SearchSpace(lambda table: [{"fade": table.old}, {"fade": 0}], models=("embedding",))
    register_method("own", remembers, formula="P, then a mean", kept=lambda old, new, **_: keeps_old_rows(old, new),
                    search_space=space)  # fmt: skip
    found = search_method(model, 192, data=data, methods=("own", "tile"), must_be_better=False, **SMALL)
    assert {"own", "tile"} == {c.method for c in found.swept}
    own = [c for c in found.swept if c.method == "own"]
    assert {"fade": 96} in [c.options for c in own]
    assert {c.kept for c in own} == {96}
    assert "own" in [method.name for method in allowed_methods("embedding", None)]
    assert "own" not in [method.name for method in allowed_methods("causal", None)]


@pytest.mark.parametrize("methods", [(), ("tile", "linear"), ("cubic",)])
def test_methods_that_cannot_be_searched(model, data, methods):
    with pytest.raises(InvalidArgumentError, match=r"methods=.* must be among tile, stretch, mean"):
        search_method(model, 192, data=data, methods=methods, **SMALL)


def test_only_the_methods_that_are_named_and_suit_the_model():
    assert [method.name for method in allowed_methods("embedding", ("mean", "tile"))] == ["tile", "mean"]
    with pytest.raises(InvalidArgumentError, match=r"must be among tile, stretch: .* suit the model \(causal\)"):
        allowed_methods("causal", ("mean",))


def test_length_aware_tables_that_cannot_be_loaded_are_refused_at_once(model, data, monkeypatch):
    def refused(*_, **__):
        raise InvalidArgumentError("no such embedding")

    monkeypatch.setattr(search, "length_aware_file", refused)
    monkeypatch.setattr(SearchRequest, "load", lambda *_: pytest.fail("work was begun"))
    with pytest.raises(InvalidArgumentError, match="no such embedding"):
        search_method(model, 192, data=data, length_aware=True, **SMALL)


def test_a_checkpoint_with_length_aware_tables_is_refused(model, data, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    (folder / "length_aware.safetensors").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="search with the checkpoint that they were made from"):
        search_method(folder, 192, data=data, **SMALL)


def test_queries_are_for_embedding_models(causal, texts):
    with pytest.raises(InvalidArgumentError, match="`corpus`, `queries` and `qrels` need a sentence-embedding model"):
        search_method(causal, 128, data=texts, corpus="somewhere")


@pytest.mark.parametrize(
    ("name", "length", "sentence"),
    [
        ("my-vit", 2048, "supported are sentence-embedding models"),
        ("my-bart", 2048, "supported are sentence-embedding models"),
        ("my-embedder", 512, "length=512 must be above the 512 positions"),
    ],
)
def test_wrong_calls(example_checkpoints, name, length, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        search_method(example_checkpoints / name, length)


def test_options_are_in_the_signature():
    parameters = inspect.signature(search_method).parameters
    assert {field.name for field in dataclasses.fields(SearchOptions)} < set(parameters)
    assert parameters["pool"].default == 50


def test_the_checkpoint_is_searched_once(model, data, monkeypatch):
    from posembed.find import search as find

    scans, inner = [], find._search
    monkeypatch.setattr(find, "_search", lambda checkpoint: scans.append(checkpoint.root) or inner(checkpoint))
    search_method(model, 192, data=data, methods=("tile",), must_be_better=False, **SMALL)
    assert scans == [model]


def test_the_command_writes_what_is_better(cli, model, late_data, tmp_path, cut_alone):
    out = tmp_path / "out"
    code, printed, told = cli("extend", model, out, "--to", 192, "--data", late_data)
    assert code == 0, told
    assert printed.count("Chosen: ") == 4
    assert "title 192" in printed
    assert out.is_dir()
    code, printed, told = cli(
        "extend", model, tmp_path / "two", "--to", 192, "--data", late_data, "--length-aware", "--json"
    )
    assert code == 0, told
    assert json.loads(printed)["chosen"]["short"] == 96
    assert "96" in load_file(tmp_path / "two" / TABLES_BY_LENGTH)
    code, printed, told = cli("extend", model, out, "--to", 192, "--data", late_data)
    assert (code, printed) == (2, "")
    assert "exists already" in told
    code, _, told = cli("extend", model, tmp_path / "other", "--to", 192, "--data", late_data, "--method", "tile")
    assert code == 2
    assert "chooses the method" in told


def test_the_command_writes_nothing_where_chunks_are_as_good(cli, model, late_data, tmp_path, monkeypatch):
    out = tmp_path / "out"
    code, printed, told = cli("extend", model, out, "--to", 192, "--data", late_data)
    assert code == 1
    assert not out.exists()
    assert "BM25" in printed
    assert "no longer table is shown to be better than" in told
    assert "to extend all the same: --method '" in " ".join(told.split())
    monkeypatch.setattr(search, "allowed_methods", lambda *_: (find_method("tile", TableLayout(length=96)),))
    code, printed, told = cli("extend", model, out, "--to", 192, "--data", late_data, "--json", "--dry-run")
    refused = json.loads(printed)
    assert (code, refused["tables"], refused["out"], refused["chosen"]["accepted"]) == (1, [], None, False)
    assert refused["blocked"] == refused["chosen"]["why"]
