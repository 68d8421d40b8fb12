"""The script for a GPU runs here too, at tiny sizes: nobody should find a misspelled name on a rented card."""

import json

import pytest
import torch

from benchmarks import gpu
from posembed import METHODS


def test_every_row_is_measured(tmp_path, monkeypatch, capsys):
    report = tmp_path / "tests.xml"
    report.write_text('<testsuites><testsuite tests="3" failures="0" errors="0" skipped="1"/></testsuites>')
    words = ["gpu", "--device", "cpu", "--small", "--out", str(tmp_path / "out.json"), "--tests", str(report)]
    monkeypatch.setattr("sys.argv", words)
    gpu.main()
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["tests"] == {"tests": 3, "failures": 0, "errors": 0, "skipped": 1}
    assert found["copy_gib_per_second"] > 0
    assert {row["what"] for row in found["embedding"]} == {"forward", "forward + backward"}
    assert {row["candidate"] for row in found["embedding"]} >= {"transformers", "posembed", "posembed, reference"}
    assert all(row["ms"] > 0 for row in found["embedding"])
    assert "of a copy" in capsys.readouterr().out


def test_commands_are_timed(causal, texts, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "EVALUATION", {"lengths": (64, 128), "documents": 2, "precision": "fp32"})
    monkeypatch.setattr(gpu, "SEARCH", {**gpu.SEARCH, "length": 128})
    evaluated = gpu.evaluation(causal, texts, "cpu")
    assert evaluated["seconds"] >= evaluated["first_progress"] > 0
    assert evaluated["verdict"]
    searched = gpu.search(causal, texts, "cpu", tmp_path / "out.json")
    assert searched["seconds"] > 0
    assert searched["candidates"] > 1
    assert searched["method"] in (*METHODS["sequence"], "")
    assert list(tmp_path.iterdir()) == []


def test_another_result_is_not_timed():
    theirs, ours = gpu.modules(48, "cpu")
    ids = torch.randint(1, 100, (2, 5))
    gpu.require_parity(theirs, ours["posembed"], ids, "posembed")
    with torch.no_grad():
        ours["posembed"].position.weight[3, 0] += 5
    with pytest.raises(AssertionError, match=r"^posembed: "):
        gpu.require_parity(theirs, ours["posembed"], ids, "posembed")
