"""The objective of calibration that every version has."""

from __future__ import annotations

import inspect
from typing import Any


def made_documents() -> dict[str, Any]:
    """Return the option that trains on made documents alone, which was all there was before there was the option.

    Since then the default is another objective, whose numbers have nothing to be compared with.
    """
    import posembed

    return {"hidden": 1} if "hidden" in inspect.signature(posembed.calibrate).parameters else {}
