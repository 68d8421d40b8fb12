"""The runner of console blocks in the documentation must be able to fail, and every example must be one that runs."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.documentation.console import parse, run_block


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def block(text):
    return run_block(SimpleNamespace(parsed=text))


def test_right_output_passes():
    assert block("$ printf 'a\\nb\\n'\na\nb\n$ echo $?\n0\n") is None
    assert block("$ posembed --version\nposembed ...\n") is None


def test_wrong_output_fails():
    assert "the page says:\nb" in block("$ printf 'a\\n'\nb\n")
    assert block("$ posembed --version\nposembed 99\n") is not None


def test_a_failure_must_be_shown():
    assert "ended with 2" in block("$ posembed inspect absent\n")
    assert block("$ posembed inspect absent\nposembed: ...\n$ echo $?\n2\n") is None
    assert block("$ posembed inspect absent\n$ echo $?\n1\n") is not None
    assert "ended with 3" in block("$ sh -c 'exit 3'\n")


def test_what_is_not_run_is_checked():
    assert block("$ make test lint docs\n") is None
    assert "no target ['tset']" in block("$ make tset\n")
    assert block('$ pip install "posembed[report]"\n') is None
    assert "no extra ['raport']" in block('$ pip install "posembed[raport]"\n')
    assert block("$ python -m benchmarks.embedding\n") is None
    assert "no module" in block("$ python -m benchmarks.absent\n")


def test_pipes_and_files_are_those_of_a_shell():
    answers = "printf 'b\\nb\\nb\\nb\\nb\\nb\\nc\\nb\\n'"
    assert block(f"$ {answers} | tr b B | posembed quiz --json 2> told.txt > printed.json\n") is None
    assert '"score": 8' in Path("printed.json").read_text()
    assert "Score: 8 of 8" in Path("told.txt").read_text()
    assert block("$ posembed --version > version.txt\n$ cat version.txt\nposembed ...\n") is None
    assert block("$ posembed inspect absent > none.txt\nposembed: ...\n$ echo $?\n2\n$ cat none.txt\n") is None
    assert Path("none.txt").read_text() == ""


def test_pipes_reach_the_command():
    assert block("$ printf 'b\\nb\\nb\\nb\\nb\\nb\\nc\\nb\\n' | posembed quiz | tail -n 1\nScore: 8 of 8\n") is None


def test_parsing():
    assert parse("$ a \\\n  b   # why\nout\n$ c\n") == [("a   b", ["out"]), ("c", [])]
    with pytest.raises(ValueError, match="output before any command"):
        parse("a\n$ b\n")
    assert block("") == "no line begins with '$ '"


def test_python_in_pages_is_of_the_language_that_is_run():
    root = Path(__file__).parents[2]
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    blocks = [
        (page.relative_to(root).as_posix(), language, code)
        for page in pages
        for language, code in re.findall(
            r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
    ]
    assert len(blocks) > 200
    assert [
        block
        for block in blocks
        if block[1] != "python" and re.search(r"^(>>>|import |from \w+ import )", block[2], re.MULTILINE)
    ] == []
