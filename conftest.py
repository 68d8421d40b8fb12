"""The code blocks of README, CONTRIBUTING and docs/ are tests: every page runs in a folder of its own.

``python`` blocks run in one namespace a page (those that begin with ``>>>`` are doctests), ``console`` blocks are
commands with what they print, see tests/documentation/console.py.
"""

import doctest
import os
from pathlib import Path
from unittest import mock

import pytest
from sybil import Sybil
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

from tests.documentation.checkpoints import make_checkpoints
from tests.documentation.console import run_block

pytest_plugins = [  # fixtures that tests of several rooms share
    "tests.fixtures.checkpoints",
    "tests.fixtures.lab",
    "tests.fixtures.calibrations",
    "tests.fixtures.live_models",
    "tests.fixtures.methods",
    "tests.fixtures.own_code",
    "tests.fixtures.saved_models",
]
collect_ignore = ["docs/conf.py", "posembed/lesson/from_scratch.py"]  # importing the latter trains a model

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="session")
def example_checkpoints(tmp_path_factory):
    """Small checkpoints of real architectures, made once."""
    return make_checkpoints(tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def workspace(example_checkpoints, tmp_path_factory):
    """The folder in which a page runs: it holds the example checkpoints under their plain names."""
    from tests.fixtures.methods import only_registered_here  # a plugin too, which must not be imported before pytest's

    folder = tmp_path_factory.mktemp("page")
    for source in example_checkpoints.iterdir():
        (folder / source.name).symlink_to(source)
    before = Path.cwd()
    os.chdir(folder)
    no_library = mock.patch("posembed.extension.check.session.library_of", return_value="no library in this test")
    with only_registered_here(), no_library:  # each check would take seconds; console.py makes those that pages show
        yield folder
    os.chdir(before)


_sybil = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=_FLAGS),
        CodeBlockParser(language="console", evaluator=run_block),
        SkipParser(),
    ],
    patterns=["README.md", "CONTRIBUTING.md", "docs/*.md", "docs/**/*.md"],
    fixtures=["workspace"],
)
pytest_collect_file = _sybil.pytest()
