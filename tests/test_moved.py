"""Modules of 0.1 still import by their old names, with a warning."""

import importlib
import sys
import warnings

import pytest

from posembed._moved import MOVED, RENAMED

DOCUMENTED = [
    "posembed.checkpoint.companions.Companion",
    "posembed.checkpoint.families.OFFSETS",
    "posembed.checkpoint.families.Offset",
    "posembed.checkpoint.found.FieldRule",
    "posembed.checkpoint.plan.TableChange",
    "posembed.checkpoint.safetensors.Header",
    "posembed.checkpoint.safetensors.TensorEntry",
    "posembed.checkpoint.safetensors.compare_copied",
    "posembed.checkpoint.safetensors.read_header",
    "posembed.checkpoint.safetensors.read_tensor",
    "posembed.checkpoint.safetensors.read_values",
    "posembed.checkpoint.safetensors.write_rewritten",
    "posembed.checkpoint.settings.FieldChange",
    "posembed.checkpoint.staging.staged_directory",
    "posembed.checkpoint.staging.staged_file",
    "posembed.errors.MissingExtraError",
    "posembed.errors.PosembedError",
    "posembed.lab.config.UnitConfig",
    "posembed.models.length_aware.put_length_aware",
    "posembed.models.load.LoadReport",
    "posembed.nn.checks",
    "posembed.nn.length_aware.LengthAwareEmbedding",
    "posembed.nn.sinusoidal.sinusoidal_rows",
    "posembed.presets.PRESETS",
    "posembed.presets.TableLayout",
    "posembed.presets.TextEmbedding",
    "posembed.presets._add",
    "posembed.tables.analyze.Measures",
    "posembed.tables.catalogue.BUILT_IN",
    "posembed.tables.catalogue.Method",
    "posembed.tables.extend.exact_rows",
    "posembed.tables.methods.keeps_old_rows",
    "posembed.tables.probes.OrderProbe",
    "posembed.tables.probes.PositionProbe",
    "posembed.tables.profile.RowProfile",
    "posembed.tables.profile.robust_z",
    "posembed.tables.profile.roughness",
    "posembed.tables.registry.METHODS",
    "posembed.tables.registry.register_method",
    "posembed.tables.similarity.Similarity",
    "posembed.tables.spectrum.Helix",
    "posembed.tables.spectrum.SinusoidFit",
    "posembed.tables.spectrum.Spectrum",
    "posembed.tables.spectrum.effective_rank",
    "posembed.tables.spectrum.helix_fit",
    "posembed.tables.spectrum.participation_ratio",
    "posembed.tables.trained_range.TrainedRange",
]
"""Every name outside the top level that the README, the pages or CONTRIBUTING of 0.1 wrote out."""


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


@pytest.mark.parametrize("documented", DOCUMENTED)
def test_a_documented_name_is_imported_by_its_old_path(documented, monkeypatch):
    module, _, name = documented.rpartition(".")
    if module in MOVED:  # a module that stayed is not imported again: its classes would become others
        monkeypatch.delitem(sys.modules, module, raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(f"from {module} import {name}", {})
    assert [each.category for each in caught] == [DeprecationWarning] * (module in MOVED)
    assert all(f"{module} is now {MOVED[module]}" in str(each.message) for each in caught)


@pytest.mark.parametrize(("module", "names"), RENAMED.items())
def test_a_renamed_name_is_the_new_one(module, names, monkeypatch):
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{module} is now"):
        old = importlib.import_module(module)
    new = importlib.import_module(MOVED[module])
    for before, after in names.items():
        assert getattr(old, before) is getattr(new, after)
        assert not hasattr(new, before)


def test_unknown_modules_stay_unknown():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importlib.import_module("posembed.checkpoint.no_such_module")
