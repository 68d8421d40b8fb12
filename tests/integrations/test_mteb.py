"""mteb is installed beside the environment, not in it.

sentence-transformers imports datasets and pandas wherever it finds them, and every command that the other tests start
would take half a second more.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BESIDE = Path(sys.prefix) / "beside" / "mteb"
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    not BESIDE.is_dir() and os.environ.get("POSEMBED_REQUIRE_MTEB") != "1", reason="`make setup` installs mteb"
)
def test_with_mteb():
    """Runs the tests of the folder ``mteb`` in an environment that has it."""
    before = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [before, str(BESIDE)]))}
    words = ["-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/integrations/mteb"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "test_run.py" in done.stdout, "the tests that need mteb were not run"


@pytest.mark.skipif(bool(os.environ.get("PYTHONPATH", "").endswith("mteb")), reason="mteb is there")
def test_without_mteb(cli, embedder):
    code, out, err = cli("evaluate", embedder, "--mteb", "posembed")
    assert (code, out) == (2, "")
    assert err == (
        "posembed: making tasks of mteb needs the package 'mteb', which is not installed: run  "
        'pip install "posembed[mteb]"\n'
    )
