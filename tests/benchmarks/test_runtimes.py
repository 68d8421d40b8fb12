"""What each library's probe compares, and that the page shows the results that are kept."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pages import load
from benchmarks.runtimes import __main__ as runtimes
from benchmarks.runtimes import probes
from benchmarks.runtimes.environments import call
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


@pytest.mark.slow  # imports Transformers anew: seven seconds; the same probe runs in this process above
def test_a_probe_runs_without_posembed(given):
    words = [sys.executable, "-I", probes.__file__, "run", "transformers", *map(str, given.values())]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert '"old": 0.0' in done.stdout


@pytest.fixture
def gguf_files(given, tmp_path, monkeypatch):
    """Folders with a file of each type, and llama.cpp replaced with Transformers, which reads the folder instead."""
    folders = {name: shutil.copytree(given[name], tmp_path / name) for name in ("source", "copy")}
    for folder in folders.values():
        for kind in runtimes.GGUF_TYPES:
            (folder / f"{kind}.gguf").touch()

    def vector(path, text):
        model = probes.sentence_transformer(path.parent)
        return model.tokenizer(text)["input_ids"], model.encode(text)

    states = probes.transformers_states
    monkeypatch.setattr(probes, "CHARACTERS", 500)
    monkeypatch.setattr(probes, "llama_states", lambda path: states(path.parent))
    monkeypatch.setattr(probes, "llama_vector", vector)
    return folders


def test_gguf_files_that_agree(gguf_files):
    found = probes.run_llama(gguf_files)
    assert (found["old"], found["new"], found["shape"]) == (0.0, 0.0, [probes.NEW, 32])
    assert set(found["types"]) == set(runtimes.GGUF_TYPES)
    for kind in found["types"].values():
        assert kind["copy"]["own"] == {"difference": 0.0, "cosine": pytest.approx(1.0)}
        assert 0 < kind["copy"]["rounded"]["difference"] < 0.01
        assert kind["text"]["difference"] == 0.0


def test_gguf_files_that_do_not(gguf_files, monkeypatch):
    good = probes.llama_states

    def states(path):
        return lambda ids: good(path)(ids) + (0.5 if path == gguf_files["copy"] / "f16.gguf" else 0.0)

    monkeypatch.setattr(probes, "llama_states", states)
    found = probes.run_llama(gguf_files)
    assert found["new"] == found["types"]["f32"]["old"] == found["types"]["q8_0"]["old"] == 0.0
    assert found["old"] == found["types"]["f16"]["old"] == pytest.approx(0.5, abs=1e-6)
    assert found["types"]["f16"]["copy"]["own"]["difference"] == pytest.approx(0.5, abs=1e-6)
    assert found["types"]["f16"]["copy"]["own"]["cosine"] < 0.999


def test_other_tokens_are_an_error(gguf_files, monkeypatch):
    monkeypatch.setattr(probes, "llama_vector", lambda *_: ([2, 5, 3], np.zeros(32)))
    with pytest.raises(ValueError, match=r"f16\.gguf has other tokens"):
        probes.run_llama(gguf_files)


def test_the_last_line_of_a_failure_is_told():
    with pytest.raises(RuntimeError, match=r"^told$"):
        call([sys.executable, "-c", "import sys; print('before', file=sys.stderr); sys.exit('told')"])


def test_the_page_shows_what_is_kept(capsys):
    kept = load(runtimes.KEPT)
    for show in (runtimes.show_runtimes, runtimes.show_gguf):
        show(kept)
        assert capsys.readouterr().out.strip() in PAGE.read_text(encoding="utf-8")
    assert set(kept["runtimes"]) == set(runtimes.RUNTIMES)
    assert not any("error" in found for found in kept["runtimes"].values())
