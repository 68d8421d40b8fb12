"""How plotly.js draws charts, in every page that is written: which buttons there are, and that nothing is uploaded.

The buttons are an allow-list: plotly.js adds new ones by default, and one of them offers to upload the reader's chart.
"""

from __future__ import annotations

from posembed.records.base import JsonObject

FLAT_BUTTONS = ("toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d")
SPACE_BUTTONS = ("toImage", "zoom3d", "pan3d", "orbitRotation", "tableRotation", "resetCameraDefault3d")
_COMMON: JsonObject = {
    "displaylogo": False,  # a link to plotly.com
    "showSendToCloud": False,  # offers to upload the chart
    "plotlyServerURL": "",  # where to
    "responsive": True,
    "scrollZoom": False,
}
PLOT_CONFIG: JsonObject = {
    "flat": {**_COMMON, "modeBarButtons": [list(FLAT_BUTTONS)]},
    "space": {**_COMMON, "modeBarButtons": [list(SPACE_BUTTONS)]},
    "plain": {**_COMMON, "displayModeBar": False, "modeBarButtons": [list(FLAT_BUTTONS)]},
}
"""plotly.js' ``config`` by kind of chart: in a plane, in space, and in a plane without buttons (the lesson)."""
