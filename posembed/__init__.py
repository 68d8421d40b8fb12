"""posembed: learned position tables for Transformers. The whole public interface is on this page.

Importing it imports no torch: names are loaded when they are first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from posembed._moved import install
from posembed._version import __version__

install()  # modules that moved are still found by their old names
del install

if TYPE_CHECKING:
    from posembed.commands.calibrate import calibrate as calibrate
    from posembed.commands.compare import compare as compare
    from posembed.commands.evaluate import evaluate as evaluate
    from posembed.commands.extend import extend_checkpoint as extend_checkpoint
    from posembed.commands.extend_model import extend_model as extend_model
    from posembed.commands.inspect import compare_checkpoints as compare_checkpoints
    from posembed.commands.inspect import inspect_checkpoint as inspect_checkpoint
    from posembed.extension.length_aware import load_length_aware as load_length_aware
    from posembed.extension.length_aware import put_length_aware as put_length_aware
    from posembed.extension.length_aware import save_length_aware as save_length_aware
    from posembed.extension.plan import ExtensionPlan as ExtensionPlan
    from posembed.extension.plan import plan_extension as plan_extension
    from posembed.extension.table_change import TableChange as TableChange
    from posembed.find.found import FoundTable as FoundTable
    from posembed.find.search import find_tables as find_tables
    from posembed.layout import TableLayout as TableLayout
    from posembed.nn.checks import check_positions as check_positions
    from posembed.nn.learned import LearnedPositionalEmbedding as LearnedPositionalEmbedding
    from posembed.nn.length_aware import LengthAwareEmbedding as LengthAwareEmbedding
    from posembed.nn.parallel import tensor_parallel_plan as tensor_parallel_plan
    from posembed.nn.positions import context_parallel_positions as context_parallel_positions
    from posembed.nn.positions import positions_from_lengths as positions_from_lengths
    from posembed.nn.positions import positions_from_mask as positions_from_mask
    from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding as SinusoidalPositionalEmbedding
    from posembed.nn.state_dict import load_transformers_state_dict as load_transformers_state_dict
    from posembed.nn.token_position import TokenPositionEmbedding as TokenPositionEmbedding
    from posembed.observer import Observer as Observer
    from posembed.observer import Progress as Progress
    from posembed.presets import PRESETS as PRESETS
    from posembed.presets import PositionPreset as PositionPreset
    from posembed.presets import preset as preset
    from posembed.records.calibrate import CalibrateOptions as CalibrateOptions
    from posembed.records.calibration import Calibration as Calibration
    from posembed.records.card import CheckpointCard as CheckpointCard
    from posembed.records.card import PairCard as PairCard
    from posembed.records.compare import CompareOptions as CompareOptions
    from posembed.records.comparison import Comparison as Comparison
    from posembed.records.evaluate import EvaluateOptions as EvaluateOptions
    from posembed.records.evaluation import Evaluation as Evaluation
    from posembed.records.extend import ExtendOptions as ExtendOptions
    from posembed.records.extend import ModelOptions as ModelOptions
    from posembed.records.extend import PlanOptions as PlanOptions
    from posembed.records.extension import ExtensionRecord as ExtensionRecord
    from posembed.records.inspect import InspectOptions as InspectOptions
    from posembed.records.override import Override as Override
    from posembed.tables.extend import exact_rows as exact_rows
    from posembed.tables.extend import extend_table as extend_table
    from posembed.tables.measures.analysis import TableAnalysis as TableAnalysis
    from posembed.tables.measures.analysis import analyze_table as analyze_table
    from posembed.tables.method import Method as Method
    from posembed.tables.registry import METHODS as METHODS
    from posembed.tables.registry import register_method as register_method

_HOME = {
    "CalibrateOptions": "posembed.records.calibrate",
    "Calibration": "posembed.records.calibration",
    "CheckpointCard": "posembed.records.card",
    "CompareOptions": "posembed.records.compare",
    "Comparison": "posembed.records.comparison",
    "EvaluateOptions": "posembed.records.evaluate",
    "Evaluation": "posembed.records.evaluation",
    "ExtendOptions": "posembed.records.extend",
    "ExtensionPlan": "posembed.extension.plan",
    "ExtensionRecord": "posembed.records.extension",
    "FoundTable": "posembed.find.found",
    "InspectOptions": "posembed.records.inspect",
    "LearnedPositionalEmbedding": "posembed.nn.learned",
    "LengthAwareEmbedding": "posembed.nn.length_aware",
    "METHODS": "posembed.tables.registry",
    "Method": "posembed.tables.method",
    "ModelOptions": "posembed.records.extend",
    "Observer": "posembed.observer",
    "Override": "posembed.records.override",
    "PRESETS": "posembed.presets",
    "PairCard": "posembed.records.card",
    "PlanOptions": "posembed.records.extend",
    "PositionPreset": "posembed.presets",
    "Progress": "posembed.observer",
    "SinusoidalPositionalEmbedding": "posembed.nn.sinusoidal",
    "TableAnalysis": "posembed.tables.measures.analysis",
    "TableChange": "posembed.extension.table_change",
    "TableLayout": "posembed.layout",
    "TokenPositionEmbedding": "posembed.nn.token_position",
    "analyze_table": "posembed.tables.measures.analysis",
    "calibrate": "posembed.commands.calibrate",
    "check_positions": "posembed.nn.checks",
    "compare": "posembed.commands.compare",
    "compare_checkpoints": "posembed.commands.inspect",
    "evaluate": "posembed.commands.evaluate",
    "context_parallel_positions": "posembed.nn.positions",
    "exact_rows": "posembed.tables.extend",
    "extend_checkpoint": "posembed.commands.extend",
    "extend_model": "posembed.commands.extend_model",
    "extend_table": "posembed.tables.extend",
    "find_tables": "posembed.find.search",
    "inspect_checkpoint": "posembed.commands.inspect",
    "load_length_aware": "posembed.extension.length_aware",
    "load_transformers_state_dict": "posembed.nn.state_dict",
    "plan_extension": "posembed.extension.plan",
    "positions_from_lengths": "posembed.nn.positions",
    "positions_from_mask": "posembed.nn.positions",
    "preset": "posembed.presets",
    "put_length_aware": "posembed.extension.length_aware",
    "register_method": "posembed.tables.registry",
    "save_length_aware": "posembed.extension.length_aware",
    "tensor_parallel_plan": "posembed.nn.parallel",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'posembed' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names first, loaded or not."""
    return sorted({*globals(), *__all__})
