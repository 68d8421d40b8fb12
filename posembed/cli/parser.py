"""The parser of the command line: cyclopts, with nothing checked twice."""

from __future__ import annotations

import sys
from typing import Any

from cyclopts import App


class Parser(App):
    """Hides pydantic from cyclopts, which would check values and defaults by it wherever something has imported it.

    What an option is read as and what its type is called differ here on purpose (see ``values.py``), so every option
    that is left out would be refused.
    """

    def parse_args(self, *arguments: Any, **keywords: Any) -> Any:
        """Parse as the base class does."""
        hidden = sys.modules.pop("pydantic", None)
        try:
            return super().parse_args(*arguments, **keywords)
        finally:
            if hidden is not None:
                sys.modules["pydantic"] = hidden
