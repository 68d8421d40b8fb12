"""Tables of placements for the terminal."""

import io

from rich.console import Console

from posembed.records.behavior import Behavior
from posembed.report.terminal.behavior import print_behavior
from tests.report.test_behavior import TEXTS


def test_table_and_sentences():
    out = io.StringIO()
    print_behavior(Behavior("Model", (TEXTS,), ("[bold]no",)), Console(file=out, width=120))
    printed = out.getvalue()
    for part in ("all start at 64", "loss (nats per token)", "2.500 [2.000, 3.000]", "the first 160", "[bold]no"):
        assert part in printed
