"""The page "From 0.1 to 0.2" lists exactly what moved, and everything that it says still works is there."""

import re
from pathlib import Path

import pytest

import posembed
from posembed._moved import MOVED, RENAMED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")


def cells(columns):
    """Return the rows of the page's tables that have so many cells, each one name of code."""
    return re.findall("^" + r"\| `([\w.]+)` " * columns + r"\|$", PAGE, flags=re.MULTILINE)


def test_every_module_that_moved_is_listed():
    assert cells(2) == sorted(MOVED.items())


def test_every_name_that_changed_is_listed():
    renamed = [(module, *pair) for module, names in sorted(RENAMED.items()) for pair in names.items()]
    assert cells(3) == renamed


@pytest.mark.parametrize("page", ["docs/index.md", "CHANGELOG.md"])
def test_it_is_linked(page):
    assert "migration.md)" in (ROOT / page).read_text(encoding="utf-8")


def test_the_changelog_has_a_section_for_this_version():
    sections = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sections[0] == posembed.__version__
    assert sections == ["0.2.0", "0.1.0"]
