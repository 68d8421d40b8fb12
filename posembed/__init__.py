"""posembed: learned position tables for Transformers. The whole public interface is on this page.

Importing it imports no torch: names are loaded when they are first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from posembed._version import __version__

if TYPE_CHECKING:
    from posembed.checkpoint.find import Override as Override
    from posembed.checkpoint.find import find_tables as find_tables
    from posembed.checkpoint.found import FoundTable as FoundTable
    from posembed.checkpoint.plan import ExtensionPlan as ExtensionPlan
    from posembed.checkpoint.plan import plan_extension as plan_extension
    from posembed.checkpoint.rewrite import extend_checkpoint as extend_checkpoint
    from posembed.lab.calibrate import calibrate as calibrate
    from posembed.lab.compare import compare as compare
    from posembed.lab.evaluation.run import evaluate as evaluate
    from posembed.layout import TableLayout as TableLayout
    from posembed.models.extend import extend_model as extend_model
    from posembed.models.length_aware import load_length_aware as load_length_aware
    from posembed.models.length_aware import save_length_aware as save_length_aware
    from posembed.models.load import load_transformers_state_dict as load_transformers_state_dict
    from posembed.nn.checks import check_positions as check_positions
    from posembed.nn.learned import LearnedPositionalEmbedding as LearnedPositionalEmbedding
    from posembed.nn.positions import positions_from_lengths as positions_from_lengths
    from posembed.nn.positions import positions_from_mask as positions_from_mask
    from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding as SinusoidalPositionalEmbedding
    from posembed.nn.token_position import TokenPositionEmbedding as TokenPositionEmbedding
    from posembed.presets import PRESETS as PRESETS
    from posembed.presets import PositionPreset as PositionPreset
    from posembed.presets import preset as preset
    from posembed.tables.analyze import TableAnalysis as TableAnalysis
    from posembed.tables.analyze import analyze_table as analyze_table
    from posembed.tables.extend import extend_table as extend_table

_HOME = {
    "ExtensionPlan": "posembed.checkpoint.plan",
    "FoundTable": "posembed.checkpoint.found",
    "LearnedPositionalEmbedding": "posembed.nn.learned",
    "Override": "posembed.checkpoint.find",
    "PRESETS": "posembed.presets",
    "PositionPreset": "posembed.presets",
    "SinusoidalPositionalEmbedding": "posembed.nn.sinusoidal",
    "TableAnalysis": "posembed.tables.analyze",
    "TableLayout": "posembed.layout",
    "TokenPositionEmbedding": "posembed.nn.token_position",
    "analyze_table": "posembed.tables.analyze",
    "calibrate": "posembed.lab.calibrate",
    "check_positions": "posembed.nn.checks",
    "compare": "posembed.lab.compare",
    "evaluate": "posembed.lab.evaluation.run",
    "extend_checkpoint": "posembed.checkpoint.rewrite",
    "extend_model": "posembed.models.extend",
    "extend_table": "posembed.tables.extend",
    "find_tables": "posembed.checkpoint.find",
    "load_length_aware": "posembed.models.length_aware",
    "load_transformers_state_dict": "posembed.models.load",
    "plan_extension": "posembed.checkpoint.plan",
    "positions_from_lengths": "posembed.nn.positions",
    "positions_from_mask": "posembed.nn.positions",
    "preset": "posembed.presets",
    "save_length_aware": "posembed.models.length_aware",
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
