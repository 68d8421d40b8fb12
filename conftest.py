"""The code blocks of README, CONTRIBUTING and docs/ are tests: every page runs in a folder of its own.

``python`` blocks run in one namespace a page (those that begin with ``>>>`` are doctests), ``console`` blocks are
commands with what they print, see tests/documentation/console.py.
"""

import doctest
import importlib.util
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
    "tests.fixtures.servers",
]
# Files of five seconds of processor time and more, the longest first. `make test` deals out whole files in this order,
# so that no long one is begun last and one of its processes waits for it.
_LONG_FILES = (
    "tests/report/browser/test_lesson_page.py",
    "tests/report/browser/test_inspect_page.py",
    "tests/integrations/test_mteb.py",
    "tests/nn/test_token_position_compile.py",
    "tests/nn/test_parallel.py",
    "tests/test_hardware_devices.py",
    "tests/lab/test_runner.py",
    "tests/integrations/test_sentence_transformers.py",
    "tests/commands/test_calibrate_resume.py",
    "tests/documentation/test_site.py",
    "tests/commands/test_calibrate.py",
    "tests/extension/check/test_session.py",
    "tests/integrations/test_transformers.py",
    "tests/benchmarks/test_runtimes.py",
    "tests/report/browser/test_no_requests.py",
    "tests/report/browser/test_other_pages.py",
    "tests/nn/kernels/test_triton.py",
    "tests/benchmarks/test_faults.py",
    "tests/commands/test_compare.py",
    "README.md",
    "tests/cli/test_extend.py",
    "tests/cli/test_compare.py",
    "tests/quality/search/embedding/test_choose.py",
    "tests/cli/test_app_imports.py",
    "tests/find/test_search_real_models.py",
    "docs/start.md",
    "tests/quality/models/test_library.py",
    "tests/benchmarks/test_hostile.py",
    "tests/quality/search/test_search.py",
    "tests/cli/test_app_streams.py",
    "tests/nn/kernels/test_operator.py",
    "tests/quality/test_texts.py",
    "tests/commands/test_evaluate.py",
    "docs/commands/evaluate.md",
    "tests/cli/test_app.py",
    "tests/benchmarks/test_bit_flips.py",
    "tests/commands/test_evaluate_own.py",
)
collect_ignore = [
    "docs/conf.py",
    "posembed/lesson/from_scratch.py",  # importing it trains a model
    "tests/nn/kernels/kernel_cases.py",  # run by test_triton.py in another process
]
if importlib.util.find_spec("triton") is None:
    collect_ignore += ["posembed/nn/kernels/triton.py", "posembed/nn/kernels/triton_kernels.py"]
if importlib.util.find_spec("sentence_transformers") is None:
    collect_ignore += [
        "posembed/integrations/sentence_transformers.py",
        "tests/integrations/test_sentence_transformers.py",
    ]
if importlib.util.find_spec("numba") is None:
    collect_ignore += [f"posembed/nn/kernels/{name}.py" for name in ("cpu", "cpu_function", "cpu_kernels")]

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="session", autouse=True)
def without_model_check():
    """No extension starts a process that imports a library, which takes seconds, nor do the fixtures of any scope.

    Tests marked ``model_check`` do, and so does console.py where a page shows what a check says.
    """
    with mock.patch("posembed.extension.check.session.library_of", return_value="no library in this test"):
        yield


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
    with only_registered_here():
        yield folder
    os.chdir(before)


_sybil = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=_FLAGS),
        CodeBlockParser(language="console", evaluator=run_block),
        SkipParser(),
    ],
    patterns=["README.md", "CONTRIBUTING.md", "docs/*.md", "docs/**/*.md"],
    fixtures=["without_model_check", "workspace"],  # Sybil asks for no autouse fixture
)
pytest_collect_file = _sybil.pytest()


def pytest_collection_modifyitems(config, items):
    """Put the tests of long files first; the order within a file stays."""
    place = {config.rootpath / name: number for number, name in enumerate(_LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path, len(place)))
