"""Keep the module names of 0.1 importable, with a warning that names the new one."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Sequence

MOVED = {
    "posembed.checkpoint.card": "posembed.inspection.card",
    "posembed.checkpoint.choose": "posembed.extension.targets",
    "posembed.checkpoint.companions": "posembed.extension.buffers",
    "posembed.checkpoint.configuration": "posembed.find.config",
    "posembed.checkpoint.effective": "posembed.extension.effective_range",
    "posembed.checkpoint.families": "posembed.find.families",
    "posembed.checkpoint.find": "posembed.find.search",
    "posembed.checkpoint.found": "posembed.find.found",
    "posembed.checkpoint.given": "posembed.extension.given_rows",
    "posembed.checkpoint.header": "posembed.checkpoint.formats.safetensors.header",
    "posembed.checkpoint.leftovers": "posembed.checkpoint.stale_files",
    "posembed.checkpoint.limits": "posembed.inspection.limits",
    "posembed.checkpoint.pairing": "posembed.inspection.compare_two",
    "posembed.checkpoint.pickles": "posembed.checkpoint.formats.pickle.index",
    "posembed.checkpoint.plan": "posembed.extension.plan",
    "posembed.checkpoint.recognise": "posembed.find.recognize",
    "posembed.checkpoint.rewrite": "posembed.commands.extend",
    "posembed.checkpoint.rows": "posembed.find.stored_layout",
    "posembed.checkpoint.safetensors": "posembed.checkpoint.formats.safetensors.edit",
    "posembed.checkpoint.sample": "posembed.find.sample",
    "posembed.checkpoint.settings": "posembed.extension.config_fields",
    "posembed.checkpoint.unexplained": "posembed.find.fallbacks",
    "posembed.checkpoint.verdict": "posembed.find.verdict",
    "posembed.checkpoint.verified": "posembed.extension.verify",
    "posembed.checkpoint.verify": "posembed.checkpoint.formats.safetensors.verify",
    "posembed.cli_checkpoint": "posembed.cli.extend",
    "posembed.cli_lesson": "posembed.cli.lesson",
    "posembed.cli_output": "posembed.cli.output",
    "posembed.cli_quality": "posembed.cli.evaluate",
    "posembed.lab.calibrate": "posembed.commands.calibrate",
    "posembed.lab.calibration.budget": "posembed.quality.calibrate.budget",
    "posembed.lab.calibration.config": "posembed.records.calibrate",
    "posembed.lab.calibration.contrastive": "posembed.quality.calibrate.contrastive",
    "posembed.lab.calibration.defaults": "posembed.quality.calibrate.strategies",
    "posembed.lab.calibration.documents": "posembed.quality.calibrate.documents",
    "posembed.lab.calibration.frozen": "posembed.quality.calibrate.frozen",
    "posembed.lab.calibration.objective": "posembed.quality.calibrate.objective",
    "posembed.lab.calibration.prediction": "posembed.quality.calibrate.prediction",
    "posembed.lab.calibration.record": "posembed.quality.calibrate.result",
    "posembed.lab.calibration.sentences": "posembed.quality.calibrate.sentences",
    "posembed.lab.calibration.start": "posembed.quality.calibrate.start",
    "posembed.lab.calibration.table": "posembed.quality.calibrate.table",
    "posembed.lab.calibration.trainer": "posembed.quality.calibrate.trainer",
    "posembed.lab.choose": "posembed.quality.search.search",
    "posembed.lab.choosing.candidates": "posembed.quality.search.language.candidates",
    "posembed.lab.choosing.trials": "posembed.quality.search.searches",
    "posembed.lab.compare": "posembed.commands.compare",
    "posembed.lab.corpus": "posembed.corpus",
    "posembed.lab.evaluate": "posembed.lab.losses",
    "posembed.lab.evaluation.embedder": "posembed.quality.models.embedder",
    "posembed.lab.evaluation.embeddings": "posembed.quality.evaluate.embeddings",
    "posembed.lab.evaluation.fidelity": "posembed.quality.evaluate.fidelity",
    "posembed.lab.evaluation.language": "posembed.quality.evaluate.language",
    "posembed.lab.evaluation.loading": "posembed.quality.models.loading",
    "posembed.lab.evaluation.names": "posembed.quality.tasks.names",
    "posembed.lab.evaluation.paired": "posembed.statistics",
    "posembed.lab.evaluation.retrieval": "posembed.quality.evaluate.ranking",
    "posembed.lab.evaluation.run": "posembed.commands.evaluate",
    "posembed.lab.evaluation.tasks": "posembed.quality.tasks.retrieval_set",
    "posembed.lab.evaluation.texts": "posembed.quality.texts",
    "posembed.lab.hardware": "posembed.hardware",
    "posembed.lab.results": "posembed.lab.arms",
    "posembed.lab.statistics": "posembed.statistics",
    "posembed.lab.storage": "posembed.storage",
    "posembed.lab.windows": "posembed.windows",
    "posembed.models.extend": "posembed.commands.extend_model",
    "posembed.models.length_aware": "posembed.extension.length_aware",
    "posembed.models.load": "posembed.nn.state_dict",
    "posembed.models.masked_rows": "posembed.extension.mask_positions",
    "posembed.models.sizes": "posembed.extension.live_sizes",
    "posembed.models.tables_by_length": "posembed.extension.length_aware_file",
    "posembed.report.calibration": "posembed.report.terminal.calibrate",
    "posembed.report.checkpoint": "posembed.report.terminal.inspect",
    "posembed.report.evaluation": "posembed.report.terminal.evaluate",
    "posembed.report.html.pair": "posembed.report.html.inspect_two",
    "posembed.report.live": "posembed.report.terminal.progress",
    "posembed.report.plain": "posembed.report.printable",
    "posembed.report.text": "posembed.report.terminal.compare",
    "posembed.tables.analyze": "posembed.tables.measures.analysis",
    "posembed.tables.boundary": "posembed.tables.trained_range.change_point",
    "posembed.tables.brief": "posembed.tables.measures.brief",
    "posembed.tables.catalogue": "posembed.tables.built_in",
    "posembed.tables.centring": "posembed.tables.rows",
    "posembed.tables.odd": "posembed.tables.trained_range.outlier_rows",
    "posembed.tables.pair": "posembed.tables.measures.compare_two",
    "posembed.tables.probes": "posembed.tables.measures.probes",
    "posembed.tables.profile": "posembed.tables.measures.norms",
    "posembed.tables.similarity": "posembed.tables.measures.similarity",
    "posembed.tables.sinusoids": "posembed.tables.measures.sinusoids",
    "posembed.tables.spectrum": "posembed.tables.measures.spectrum",
    "posembed.tables.steps": "posembed.tables.trained_range.norm_step",
    "posembed.tables.untouched": "posembed.tables.trained_range.tail_tests",
    "posembed.tables.views": "posembed.tables.measures.plot_data",
}
"""Where each module of 0.1 stands since 0.2; removed in 1.0."""
RENAMED = {
    "posembed.checkpoint.companions": {"Companion": "DependentBuffer", "find_companions": "find_buffers"},
    "posembed.checkpoint.recognise": {"recognise": "recognize"},
    "posembed.tables.boundary": {"Boundary": "ChangePoint", "find_boundary": "find_change_point"},
    "posembed.tables.centring": {"centred": "centered", "centred_to_one": "centered_to_one"},
    "posembed.tables.odd": {"odd_rows": "outlier_rows"},
    "posembed.tables.profile": {"neighbour_cosines": "neighbor_cosines"},
}
"""Names inside those modules that have changed as well, by old module."""
_PACKAGES = ("posembed.lab.calibration", "posembed.lab.choosing", "posembed.lab.evaluation", "posembed.models")


class _OldModule(types.ModuleType):
    """Reads and sets names in the module that replaced it."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__(old, f"Moved to {new}.")
        self.__dict__["_new"] = importlib.import_module(new)
        self.__dict__["_renamed"] = RENAMED.get(old, {})

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["_new"], self.__dict__["_renamed"].get(name, name))

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("__"):  # what the import system writes
            super().__setattr__(name, value)
        else:
            setattr(self.__dict__["_new"], self.__dict__["_renamed"].get(name, name), value)


class OldNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules by the names they had in 0.1."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find an old module name; leave any other name to the usual finders."""
        if fullname in MOVED or fullname in _PACKAGES:
            return importlib.machinery.ModuleSpec(fullname, self, is_package=fullname in _PACKAGES)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        """Return an empty module that takes its names from the new one."""
        if spec.name in _PACKAGES:
            return None
        new = MOVED[spec.name]
        warnings.warn(
            f"{spec.name} is now {new}; the old name will be removed in 1.0", DeprecationWarning, stacklevel=2
        )
        return _OldModule(spec.name, new)

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: names are looked up when they are used."""


def install() -> None:
    """Let old module names be imported."""
    if not any(isinstance(finder, OldNames) for finder in sys.meta_path):
        sys.meta_path.append(OldNames())
