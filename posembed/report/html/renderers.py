"""All renderers for notebooks: importing a page registers those of its records."""

from __future__ import annotations

from posembed.report.html import calibrate, compare, evaluate, extend, inspect, inspect_two
from posembed.report.html.notebook import render

PAGES = (calibrate, compare, evaluate, extend, inspect, inspect_two)

__all__ = ["PAGES", "render"]
