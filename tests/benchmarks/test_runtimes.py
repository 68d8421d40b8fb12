"""What each library's probe compares, and that the page shows the results that are kept."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pages import load
from benchmarks.runtimes import __main__ as runtimes
from benchmarks.runtimes import probes
from posembed.commands.extend import extend_checkpoint

PAGE = Path(runtimes.__file__).parents[2] / "docs" / "measured" / "runtimes.md"


@pytest.fixture(scope="module")
def given(example_checkpoints, tmp_path_factory):
    work = tmp_path_factory.mktemp("runtimes")
    source = example_checkpoints / "my-embedder"
    extend_checkpoint(source, work / "copy", 1024, method="tile", check="off")
    return {"source": source, "copy": work / "copy", "work": work}


def test_a_copy_that_agrees(given):
    found = probes.run_text(probes.transformers_states, given)
    assert found == {"old": 0.0, "new": 0.0, "shape": [probes.NEW, 32]}


def test_one_that_does_not(given):
    def other(folder):
        states = probes.transformers_states(folder)
        return lambda ids: states(ids) + (0.5 if folder == given["copy"] else 0.0)

    probes.run_text(probes.transformers_states, given)
    found = probes.run_text(other, given)
    assert (found["old"], found["new"]) == (pytest.approx(0.5, abs=1e-6), pytest.approx(0.5, abs=1e-6))


def test_outputs_of_different_shapes_are_an_error():
    with pytest.raises(ValueError, match=r"\(1, 2\) and \(2, 2\)"):
        probes.difference(np.zeros((1, 2)), np.zeros((2, 2)))


def test_a_library_that_cannot_is_a_result(given, monkeypatch):
    monkeypatch.setattr(runtimes, "_sources", lambda *_: (given["source"], given["work"] / "nothing"))
    found = runtimes.measure(given["source"], ["transformers"], given["work"])["transformers"]
    assert "nothing" in found["error"]


def test_a_probe_runs_without_posembed(given):
    words = [sys.executable, "-I", probes.__file__, "run", "transformers", *map(str, given.values())]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert '"old": 0.0' in done.stdout


def test_the_page_shows_what_is_kept(capsys):
    kept = load(runtimes.KEPT)
    runtimes.tables(kept)
    assert capsys.readouterr().out.strip() in PAGE.read_text(encoding="utf-8")
    assert set(kept["runtimes"]) == set(runtimes.RUNTIMES)
    assert not any("error" in found for found in kept["runtimes"].values())
