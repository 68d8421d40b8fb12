"""The public interface: what is exported, and that importing it costs little."""

import ast
import importlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import posembed
from posembed.errors import PosembedError

ROOT = Path(posembed.__file__).parent
PUBLIC = {
    "Comparison",
    "CalibrateOptions",
    "Calibration",
    "CheckpointCard",
    "CompareOptions",
    "EvaluateOptions",
    "Evaluation",
    "ExtendOptions",
    "ExtensionPlan",
    "ExtensionRecord",
    "FoundTable",
    "InspectOptions",
    "LearnedPositionalEmbedding",
    "LengthAwareEmbedding",
    "METHODS",
    "Method",
    "ModelOptions",
    "Observer",
    "Override",
    "PRESETS",
    "PairCard",
    "PlanOptions",
    "PositionPreset",
    "Progress",
    "SinusoidalPositionalEmbedding",
    "TableAnalysis",
    "TableChange",
    "TableLayout",
    "TokenPositionEmbedding",
    "__version__",
    "analyze_table",
    "calibrate",
    "check_positions",
    "compare",
    "compare_checkpoints",
    "evaluate",
    "context_parallel_positions",
    "exact_rows",
    "extend_checkpoint",
    "extend_model",
    "extend_table",
    "find_tables",
    "inspect_checkpoint",
    "load_length_aware",
    "load_transformers_state_dict",
    "plan_extension",
    "positions_from_lengths",
    "positions_from_mask",
    "preset",
    "put_length_aware",
    "register_method",
    "save_length_aware",
    "tensor_parallel_plan",
}


def test_all_is_what_is_exported():
    assert sorted(posembed.__all__) == sorted(PUBLIC)
    assert len(posembed.__all__) == len(set(posembed.__all__))
    assert set(dir(posembed)) >= PUBLIC
    namespace = {}
    exec("from posembed import *", namespace)
    assert namespace.keys() - {"__builtins__"} == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_name_resolves_and_is_documented(name):
    value = getattr(posembed, name)
    assert value is getattr(posembed, name)
    if callable(value):
        assert value.__doc__
        assert not value.__doc__.startswith(f"{name}(")  # the signature that dataclasses write for lack of a docstring
        assert value.__name__ == name
        assert value.__module__.startswith("posembed.")


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {(alias.asname, node.module) for node in block.body for alias in node.names}
    assert seen == set(posembed._HOME.items())


def test_unknown_names():
    with pytest.raises(AttributeError, match="module 'posembed' has no attribute 'no_such_name'"):
        _ = posembed.no_such_name
    assert not hasattr(posembed, "LearnedPositionalEmbeddings")


def test_the_version_is_the_packages():
    assert re.fullmatch(r"\d+\.\d+\.\d+", posembed.__version__)
    try:
        installed = metadata.version("posembed")
    except metadata.PackageNotFoundError:
        pytest.skip("posembed is not installed, only on the path")
    assert posembed.__version__ == installed


@pytest.mark.parametrize(
    "code",
    [
        "import posembed; dir(posembed); posembed.__version__",
        "import posembed; posembed.preset('bert-base'); posembed.TableLayout(length=4); posembed.extend_table",
        "sys.argv[1:] = ['--help']; from posembed.cli.app import main; main()",
        "sys.argv[1:] = ['compare', '--help']; from posembed.cli.app import main; main()",
        "sys.argv[1:] = ['--version']; from posembed.cli.app import main; main()",
        "import posembed.tables.measures.analysis, posembed.report.plots, posembed.report.html.compare",
    ],
)
def test_no_torch_before_it_is_needed(code):
    watched = f"""
import atexit, os, sys
def look():
    heavy = {{"torch", "transformers", "matplotlib"}} & set(sys.modules)
    sys.stderr.write("heavy: " + " ".join(sorted(heavy)))
atexit.register(look)
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", watched], capture_output=True, text=True, cwd=ROOT.parent, timeout=500, check=True
    )
    assert done.stderr == "heavy: "


def test_every_error_is_in_the_tree():
    """Errors raised on purpose, by module: nothing but the tree's classes and what Python's protocols ask for."""
    importlib.import_module("posembed.checkpoint.formats.pickle.nodes")  # has errors of its own, and catches them
    importlib.import_module("posembed.extension.check.reading")  # the same
    importlib.import_module("posembed.checkpoint.remote.faults")

    tree = {cls.__name__ for cls in _below(PosembedError)}
    # The last three never reach a caller: the lab, whoever reads a sealed file and who writes an archive catch them.
    python = {"AttributeError", "KeyboardInterrupt", "NonFiniteLossError", "DamagedError", "_WriteError"}
    python |= {"ConnectionError"}  # raised for the library that a check's own process asks
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                name = node.exc.func.id
                local = name == "ValueError" and _is_caught_nearby(path, node)
                # A system call of our own reports as those of `os` do; `staging` makes sentences of all of them.
                local = local or (path.name == "renames.py" and name in ("OSError", "FileExistsError"))
                local = local or name.startswith("refuse_")  # returns an error of the tree, as mypy checks
                assert name in tree | python or local, f"{path}:{node.lineno} raises {name}"


def _below(cls):
    return {cls}.union(*(_below(child) for child in cls.__subclasses__()))


def _is_caught_nearby(path, node):
    """Whether a ``raise`` stands inside a ``try`` of the same function that catches it."""
    for outer in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(outer, ast.Try) and outer.lineno < node.lineno < outer.handlers[0].lineno:
            return True
    return False
