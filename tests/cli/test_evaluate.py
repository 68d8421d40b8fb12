"""`posembed evaluate`: what reaches the library, and what is printed where."""

import json
from types import SimpleNamespace

import pytest

from posembed.records.evaluate import EvaluateOptions


@pytest.fixture
def calls(monkeypatch):
    """Stands for the library's function; collects its calls."""
    made = []

    def evaluate(checkpoint, options, *, observer):
        observer.message("reading texts")
        made.append((checkpoint, options))
        return SimpleNamespace(to_dict=lambda: {"kind": "causal"})

    monkeypatch.setattr("posembed.commands.evaluate.evaluate", evaluate)
    return made


def test_json_is_all_that_is_on_standard_output(cli, calls, tmp_path):
    code, printed, told = cli("evaluate", tmp_path, "--original", tmp_path / "old", "--lengths=128,640", "--json")
    assert code == 0
    assert json.loads(printed) == {"kind": "causal"}
    assert told == "reading texts …\n"
    assert calls == [(tmp_path, EvaluateOptions(original=tmp_path / "old", lengths=(128, 640)))]


def test_what_is_left_out_are_the_defaults_of_the_record(cli, calls, tmp_path):
    assert cli("evaluate", tmp_path, "--json")[0] == 0
    assert calls == [(tmp_path, EvaluateOptions())]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--lengths=63"], "--lengths [63] must be at least one number, each at least 64 tokens"),
        (["--precision=int8"], "--precision 'int8' must be one of auto, bf16, fp32"),
        (["--tasks=haystack"], "--tasks 'haystack' has the unknown name 'haystack'; choose from title, section"),
        (["--html=.", "--json"], ". is a directory: name the report's file"),
    ],
)
def test_wrong_calls_are_refused_before_any_work(cli, calls, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    code, printed, told = cli("evaluate", tmp_path, *words)
    assert (code, printed) == (2, "")
    assert sentence in told
    assert len(told.splitlines()) == 1
    assert calls == []
