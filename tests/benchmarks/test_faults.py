"""No fault of the disk, and no kill, leaves half a target, a changed source or a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults.trees import is_leftover, leftovers, tree

ROOT = Path(__file__).parent.parent.parent
# Those that load neither torch nor Transformers: seconds, not minutes.
QUICK = ("extend", "extend, sharded", "extend --force", "extend --force, without renameat2", "extend --link",
         "extend FILE --force", "inspect --html")  # fmt: skip


def run(*words):
    command = [sys.executable, "-m", "benchmarks.faults", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("layer", [[], ["--python"]])
def test_some_calls(layer):
    """Every 97th call in seven scenarios; a prime, so that each scenario has others."""
    done = run("--every", "97", *layer, *(word for name in QUICK for word in ("--scenario", name)))
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == list(QUICK)
    assert all(int(row[2]) > 20 and int(row[3]) >= 3 and int(row[4]) == 0 for row in rows), done.stdout


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_every_call():
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fault_is_found(tmp_path):
    """The judge itself: a library that fails no call says so, and half a file is not a whole one."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(f'{{"created": "{name}", "loss": 1}}')
    assert tree(tmp_path / "one") == tree(tmp_path / "other")
    (tmp_path / "other" / "results.json").write_text('{"created": "other", "lo')
    assert tree(tmp_path / "one") != tree(tmp_path / "other")
    assert tree(tmp_path / "none") is None
    (tmp_path / "one" / ".out.partial-12345678.lock").touch()
    assert leftovers(tmp_path) == ["one/.out.partial-12345678.lock"]
    for name in ("plots/.loss.png.partial-12345678", ".out.partial-12345678/config.json"):
        assert is_leftover(name)
    for name in ("plots/loss.png", "results.json", "plots", ".hidden"):
        assert not is_leftover(name)
