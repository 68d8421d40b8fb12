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
    from posembed.extension.length_aware import load_length_aware as load_length_aware
    from posembed.extension.length_aware import save_length_aware as save_length_aware
    from posembed.extension.plan import ExtensionPlan as ExtensionPlan
    from posembed.extension.plan import plan_extension as plan_extension
    from posembed.find.found import FoundTable as FoundTable
    from posembed.find.search import find_tables as find_tables
    from posembed.layout import TableLayout as TableLayout
    from posembed.nn.checks import check_positions as check_positions
    from posembed.nn.learned import LearnedPositionalEmbedding as LearnedPositionalEmbedding
    from posembed.nn.positions import positions_from_lengths as positions_from_lengths
    from posembed.nn.positions import positions_from_mask as positions_from_mask
    from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding as SinusoidalPositionalEmbedding
    from posembed.nn.state_dict import load_transformers_state_dict as load_transformers_state_dict
    from posembed.nn.token_position import TokenPositionEmbedding as TokenPositionEmbedding
    from posembed.presets import PRESETS as PRESETS
    from posembed.presets import PositionPreset as PositionPreset
    from posembed.presets import preset as preset
    from posembed.records.override import Override as Override
    from posembed.tables.extend import extend_table as extend_table
    from posembed.tables.measures.analysis import TableAnalysis as TableAnalysis
    from posembed.tables.measures.analysis import analyze_table as analyze_table

_HOME = {
    "ExtensionPlan": "posembed.extension.plan",
    "FoundTable": "posembed.find.found",
    "LearnedPositionalEmbedding": "posembed.nn.learned",
    "Override": "posembed.records.override",
    "PRESETS": "posembed.presets",
    "PositionPreset": "posembed.presets",
    "SinusoidalPositionalEmbedding": "posembed.nn.sinusoidal",
    "TableAnalysis": "posembed.tables.measures.analysis",
    "TableLayout": "posembed.layout",
    "TokenPositionEmbedding": "posembed.nn.token_position",
    "analyze_table": "posembed.tables.measures.analysis",
    "calibrate": "posembed.commands.calibrate",
    "check_positions": "posembed.nn.checks",
    "compare": "posembed.commands.compare",
    "evaluate": "posembed.commands.evaluate",
    "extend_checkpoint": "posembed.commands.extend",
    "extend_model": "posembed.commands.extend_model",
    "extend_table": "posembed.tables.extend",
    "find_tables": "posembed.find.search",
    "load_length_aware": "posembed.extension.length_aware",
    "load_transformers_state_dict": "posembed.nn.state_dict",
    "plan_extension": "posembed.extension.plan",
    "positions_from_lengths": "posembed.nn.positions",
    "positions_from_mask": "posembed.nn.positions",
    "preset": "posembed.presets",
    "save_length_aware": "posembed.extension.length_aware",
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
