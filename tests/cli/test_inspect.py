"""`posembed inspect`: the card, two checkpoints, the report; what is written where, and what is refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

KEY = "wpe.weight"


@pytest.fixture
def gpt2(tmp_path):
    def write(rows, name="model", seed=0):
        folder = tmp_path / name
        folder.mkdir()
        walk = np.cumsum(np.random.default_rng(seed).standard_normal((64, 8)), axis=0).astype(np.float32)
        save_file({KEY: np.tile(walk, (-(-rows // 64), 1))[:rows]}, folder / "model.safetensors")
        config = {"model_type": "gpt2", "n_positions": rows, "n_embd": 8}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return write


def test_the_card(gpt2, cli):
    code, printed, told = cli("inspect", gpt2(64))
    assert (code, told) == (0, "")
    for word in (
        "norms",
        "effective rank",
        "translation invariance",
        "trained range",
        "the whole table",
        "usable length",
    ):
        assert word in printed
    assert "What limits the length of a text" in printed


def test_without_values(gpt2, cli):
    code, printed, _ = cli("inspect", gpt2(64), "--no-values")
    assert code == 0
    assert "usable length" in printed
    assert "effective rank" not in printed


def test_json_has_every_measure(gpt2, cli):
    code, printed, told = cli("inspect", gpt2(64), "--json")
    assert (code, told) == (0, "")
    read = json.loads(printed)
    assert read["limits"][0]["limit"] == 64
    assert read["tables"][0]["analysis"]["measures"][1]["selection"] == "positions"


def test_two_checkpoints(gpt2, cli):
    one, two = gpt2(64, "one"), gpt2(128, "two")
    code, printed, told = cli("inspect", one, two)
    assert (code, told) == (0, "")
    assert "64 of 64 common positions have equal rows" in printed
    read = json.loads(cli("inspect", one, two, "--json")[1])
    assert read["pairs"][0]["equal_from_start"] == 64
    assert [read[side]["tables"][0]["usable_length"] for side in ("first", "second")] == [64, 128]
    assert cli("inspect", one, two, "--table", KEY)[1] == printed


def test_a_report(gpt2, cli, tmp_path):
    file = tmp_path / "report.html"
    for checkpoints in ([gpt2(64, "one")], [tmp_path / "one", gpt2(128, "two")]):
        code, _, told = cli("inspect", *checkpoints, "--html", file)
        assert (code, told) == (0, f"posembed: wrote {file}\n")
        assert file.read_text().startswith("<!DOCTYPE html>")
        code, printed, _ = cli("inspect", *checkpoints, "--html", file, "--json")
        assert code == 0
        json.loads(printed)


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--html", "absent/report.html"], 2, "cannot be written: there is no directory absent"),
        (["--html", "."], 2, "is a directory: name the report's file"),
        (["--html", "MODEL/model.safetensors"], 2, "exists and is not a posembed report"),
        (["--html", "r.html", "--no-values"], 2, "--html draws the values of the tables: leave --no-values out"),
        (
            ["MODEL", "--no-values"],
            2,
            "two checkpoints are compared by the values of their tables: leave --no-values out",
        ),
        (["nowhere"], 2, "does not exist"),
        (["MODEL", "--table", "nope"], 2, "--table 'nope': neither checkpoint has a position table of that name"),
        (["MODEL", "--table", KEY, "--reserved=2"], 2, "describe a table of one checkpoint: inspect each by itself"),
    ],
)
def test_refusals(gpt2, cli, tmp_path, monkeypatch, options, code, sentence):
    monkeypatch.chdir(tmp_path)
    folder = gpt2(64)
    before = (folder / "model.safetensors").read_bytes()
    found, printed, told = cli("inspect", folder, *(option.replace("MODEL", str(folder)) for option in options))
    assert found == code
    assert printed == ""
    assert len(told.strip().splitlines()) == 1
    assert sentence in told
    assert (folder / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_extra_is_named_before_any_work(gpt2, cli, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    code, printed, told = cli("inspect", gpt2(64), "--html", tmp_path / "r.html")
    assert code == 2
    assert printed == ""
    assert "posembed[report]" in told
