"""The page of mteb's results shows what is kept."""

import re
from pathlib import Path

from benchmarks import mteb_tasks
from benchmarks.pages import load

PAGE = Path(mteb_tasks.__file__).parents[1] / "docs" / "measured" / "mteb.md"


def test_the_page_shows_what_is_kept(capsys):
    mteb_tasks.tables(load(mteb_tasks.KEPT))
    printed = [line for line in capsys.readouterr().out.splitlines() if re.match(r"\| (?!Posembed|---)", line)]
    assert len(printed) == 2 * len(mteb_tasks.TASKS)
    shown = PAGE.read_text(encoding="utf-8")
    assert [line for line in printed if line not in shown] == []
