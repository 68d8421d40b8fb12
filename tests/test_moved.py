"""Modules of 0.1 still import by their old names, with a warning."""

import importlib
import sys

import pytest

from posembed._moved import MOVED


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_name_imports_the_new_module_and_warns(old, monkeypatch):
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}"):
        module = importlib.import_module(old)
    new = importlib.import_module(MOVED[old])
    names = [name for name in vars(new) if not name.startswith("_")]
    assert names
    assert all(getattr(module, name) is getattr(new, name) for name in names)


def test_names_are_imported_from_old_modules(monkeypatch):
    for name in ("posembed.checkpoint.safetensors", "posembed.lab.evaluation.run"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.warns(DeprecationWarning, match=r"is now posembed\.checkpoint\.formats\.safetensors\.edit"):
        exec("from posembed.checkpoint.safetensors import read_header, write_rewritten", {})
    with pytest.warns(DeprecationWarning, match=r"is now posembed\.commands\.evaluate"):
        exec("from posembed.lab.evaluation.run import evaluate", {})
    from posembed.tables.trained_range import TrainedRange  # its name did not change

    assert TrainedRange.__name__ == "TrainedRange"


def test_a_name_set_in_an_old_module_is_set_in_the_new_one(monkeypatch):
    monkeypatch.delitem(sys.modules, "posembed.checkpoint.leftovers", raising=False)
    with pytest.warns(DeprecationWarning, match="is now posembed"):
        old = importlib.import_module("posembed.checkpoint.leftovers")
    new = importlib.import_module("posembed.checkpoint.stale_files")
    before = new.CALIBRATION
    old.CALIBRATION = "other.json"
    assert new.CALIBRATION == "other.json"
    old.CALIBRATION = before


def test_unknown_modules_stay_unknown():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importlib.import_module("posembed.checkpoint.no_such_module")
