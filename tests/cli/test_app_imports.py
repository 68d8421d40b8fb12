"""What each command imports: a second of imports came onto a path once, and nobody noticed."""

import json
import subprocess
import sys

import pytest

# Imports that take a tenth of a second or more each, and who may cost them.
HEAVY = {
    *("torch", "transformers", "sentence_transformers", "timm", "plotly", "sklearn", "pandas", "matplotlib", "bm25s"),
    *("scipy.stats", "scipy.ndimage", "scipy.interpolate", "scipy.linalg", "scipy.special", "scipy.optimize"),
    *("fsspec", "aiohttp", "huggingface_hub", "posembed.checkpoint.remote.address", "concurrent.futures.thread"),
    *("posembed.tables.measures.registry", "posembed.checkpoint.formats.pickle.index"),
}
PLAIN_ARRAYS = {"scipy.special", "scipy.linalg", "posembed.tables.measures.registry"}  # rows are measured
# Sizes inside a pickle change with a table.
EXTENDED = {"posembed.checkpoint.formats.pickle.index"}
PROGRAM = """
import contextlib, io, json, runpy, sys
sys.argv = ["posembed", *sys.argv[1:]]
with contextlib.redirect_stdout(io.StringIO()):
    try:
        runpy.run_module("posembed", run_name="__main__")
    except SystemExit as end:
        code = end.code
print(json.dumps([code, list(sys.modules)]))
"""


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ("--help", set()),
        *((f"{name} --help", set()) for name in ("inspect", "extend", "evaluate", "calibrate", "compare", "quiz")),
        ("inspect MODEL --no-values", set()),
        ("inspect MODEL --no-values --json", set()),
        ("inspect MODEL", PLAIN_ARRAYS),
        ("inspect MODEL --json", PLAIN_ARRAYS),
        ("inspect MODEL --html OUT.html", PLAIN_ARRAYS),
        ("extend MODEL OUT --to 80 --dry-run", EXTENDED | {"scipy.special"}),
        ("extend MODEL OUT --to 80 --check off", EXTENDED | {"scipy.special"}),
        ("extend MODEL OUT --to 80 --method tile --check off", EXTENDED),
    ],
)
def test_a_command_imports_no_more_than_it_needs(arguments, needed, embedder, tmp_path):
    words = [word.replace("MODEL", str(embedder)).replace("OUT", str(tmp_path / "out")) for word in arguments.split()]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stdout)
    assert code in (0, None)
    assert HEAVY & set(modules) - needed == set()


def test_what_is_needed_is_noticed(embedder):
    """Otherwise the test above could not fail."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "inspect", str(embedder)], capture_output=True, text=True, check=True
    )
    assert set(json.loads(done.stdout)[1]) & HEAVY
