"""`posembed compare` as a user types it: what is printed where, exit codes, what a wrong call says."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import posembed
from tests.fixtures.events import read_scalars

SIZES = ["--train-length=16", "--d-model=16", "--layers=1", "--heads=2", "--batch-size=4", "--steps=12"]
TINY = [*SIZES, "--learning-rate=0.001", "--precision=fp32", "--no-plots"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A file of words, long enough for all three sets."""
    draw = random.Random(0)
    file = tmp_path_factory.mktemp("data") / "text.txt"
    lines = (" ".join(draw.choices(("to", "be", "or", "not", "that"), k=15)) for _ in range(4000))
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def run(text, tmp_path_factory):
    """One finished run of one arm, by the command line in a process of its own, with plots."""
    out = tmp_path_factory.mktemp("cli") / "run"
    command = [sys.executable, "-c", "from posembed.cli.app import main; main()", "compare", "--data", text, *TINY]
    environment = os.environ | {"PYTHONPATH": str(Path(posembed.__file__).parent.parent)}
    done = subprocess.run(
        [*command, "--plots", "--encodings=learned", "--json", "--out", out, "--log-dir", out / "logs"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=500,
        check=False,
    )
    return done, out


def again(text, out, *more):
    return ["compare", "--data", text, *TINY, "--encodings=learned", "--out", out, "--resume", *more]


def test_json_is_all_that_is_on_standard_output(run):
    done, out = run
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results == json.loads((out / "results.json").read_text())
    assert results["arms"][0]["encoding"] == "learned"
    assert results["configuration"]["steps"] == 12
    lines = done.stderr.splitlines()
    assert lines[0] == "reading the corpus …"
    assert any(line.startswith("learned-seed0 12/12 loss ") for line in lines)
    assert lines[-1] == f"Results: {out / 'results.json'}, report.md, report.html, plots: {out / 'plots'}"
    assert "\x1b" not in done.stdout + done.stderr


def test_what_a_run_leaves_behind(run):
    _, out = run
    names = {path.name for path in out.iterdir()}
    assert names == {
        *(
            "logs",
            "plots",
            "report.html",
            "report.md",
            "results.json",
            "setup.json",
            "setup.json.previous",
            "tables",
            "units",
        )
    }
    assert sorted(path.name for path in (out / "plots").iterdir()) == [
        "cosine-learned-seed0.png",
        "loss-per-position.png",
        "training-curves.png",
    ]
    assert "| learned |" in (out / "report.md").read_text()


def test_event_files_hold_the_curve_of_the_results(run):
    (curve,) = json.loads((run[1] / "results.json").read_text())["arms"][0]["curves"]
    scalars = read_scalars(run[1] / "logs" / "learned-seed0")
    assert scalars["validation/loss"] == [
        (point["step"], pytest.approx(point["validation"])) for point in curve["points"]
    ]
    assert [step for step, _ in scalars["train/loss"]] == [2, 3, 4, 6, 8, 9, 10, 12]
    assert [step for step, _ in scalars["train/tokens_per_second"]] == [2, 3, 4, 6, 8, 9, 10, 12]


def test_event_files_are_not_mixed(run, text, cli, tmp_path):
    calls = ["compare", "--data", text, *TINY, "--encodings=learned", "--out", tmp_path / "run"]
    code, _, told = cli(*calls, "--log-dir", run[1] / "logs")
    assert code == 2
    assert told.rstrip().endswith("give another --log-dir, or --resume to continue the work that wrote them")
    assert not (tmp_path / "run").exists()


def test_resume_prints_tables_and_trains_nothing(run, text, cli):
    code, printed, told = cli(*again(text, run[1]))
    assert code == 0
    assert "Quality on test documents at the training length, 16 tokens" in printed
    assert printed.rstrip().splitlines()[-1] == "Verdict: only one encoding: there is nothing to compare it with"
    assert "learned-seed0 12/12 kept" in told
    assert "loss" not in told
    assert told.splitlines()[-1].endswith("report.md")  # no plots this time


def test_learning_too_little_ends_with_1(run, text, cli):
    code, printed, told = cli(*again(text, run[1], "--require-below-bigram=0.2"))
    assert code == 1
    assert "Verdict" in printed
    last = told.splitlines()[-1]
    assert last.startswith("posembed: learned ended -")
    assert last.endswith(
        "nats below the bigram baseline, --require-below-bigram asks for 0.2: the comparison is not meaningful, "
        "train longer"
    )
    assert cli(*again(text, run[1], "--require-below-bigram=-9"))[0] == 0


@pytest.mark.usefixtures("units_here")
def test_an_arm_that_diverged_ends_with_1(text, cli, tmp_path):
    code, printed, told = cli(
        *("compare", "--data", text, *TINY, "--encodings=learned", "--out", tmp_path / "run"),
        *("--learning-rate=1e30", "--json", "--require-below-bigram=0"),
    )
    assert code == 1
    results = json.loads(printed)
    assert results["arms"][0]["status"] == "failed"
    assert results["arms"][0]["messages"][0].startswith("seed 0: the loss")
    assert told.splitlines()[-1] == "posembed: learned did not finish"
    assert (tmp_path / "run" / "report.md").exists()


WRONG_CALLS = [
    (["--data=nowhere"], "--data 'nowhere': no such file or directory; give a text file, a directory, or stdlib"),
    (["--data=empty.txt"], "the file is empty; there is nothing to train on"),
    (["--data=folder"], "folder holds no text"),
    (
        ["--encodings=learned,lerned"],
        "--encodings 'learned,lerned' has the unknown name 'lerned'; choose from learned, sinusoidal, rope, alibi",
    ),
    (["--encodings=,"], "--encodings ',' is empty; choose from learned"),
    (["--encodings=rope,rope"], "--encodings contains 'rope' twice"),
    (["--train-length=100000"], "--train-length 100000 is larger than the data: 0 validation documents"),
    (["--device=tpu9"], "device 'tpu9' cannot be used here"),
    (["--precision=fp8"], "--precision 'fp8' must be one of auto, bf16, fp32"),
    (["--model=gpt"], "--model 'gpt' must be one of decoder, encoder"),
    (["--steps=0"], "--steps 0 must be at least 1"),
    (
        ["--d-model=15"],
        "--d-model 15 with --heads 2: each head needs an even width, so d_model must be a multiple of 4",
    ),
    (["--heads=0"], "--heads 0 must be at least 1"),
    (["--seeds=0"], "--seeds 0 must be at least 1"),
    (["--first-seed=-1"], "--first-seed -1 must be at least 0"),
    (["--jobs=0"], "--jobs 0 must be at least 1"),
    (["--learning-rate=nan"], "--learning-rate nan must be a number"),
    (["--learning-rate=inf"], "--learning-rate inf must be above 0 and finite"),
    (["--tokenizer=nowhere.json"], "nowhere.json': no such file; give a tokenizer.json"),
    (["--resume"], "--resume needs --out, the directory with the work to resume"),
    (
        ["--data=folder", "--log-dir=folder/a"],
        "--log-dir 'folder/a' lies inside --data 'folder', whose files are the tra",
    ),
    (["--log-dir=empty.txt"], "--log-dir 'empty.txt' is a file; give a directory"),
    (["--out=text.txt"], "--out 'text.txt' is a file; give a directory"),
    (["--out=."], "--out '.' is not empty and not a run of posembed compare; give another --out"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG_CALLS, ids=lambda value: " ".join(value)[:30])
def test_a_wrong_call_is_one_sentence_and_2(text, cli, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_bytes(text.read_bytes())
    (tmp_path / "empty.txt").touch()
    (tmp_path / "folder").mkdir()
    code, printed, told = cli("compare", "--data", "text.txt", *TINY, *arguments)
    assert (code, printed) == (2, "")
    *before, sentence = told.splitlines()
    assert before in ([], ["reading the corpus …"])  # what the parser refuses, nothing is read for
    assert sentence.startswith("posembed: ")
    assert message in sentence.replace(str(tmp_path) + "/", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.txt", "folder", "text.txt"]


def test_results_are_not_written_over(run, text, cli):
    before = (run[1] / "results.json").read_bytes()
    wrong = again(text, run[1])[:-1]
    code, _, told = cli(*wrong)
    assert code == 2
    assert told.splitlines()[-1].endswith("resume it with --resume, or give another --out")
    code, _, told = cli(*wrong, "--resume", "--steps=13")
    assert code == 2
    assert "holds the work of another configuration (steps: 12 there, 13 here" in told
    assert (run[1] / "results.json").read_bytes() == before


def test_a_missing_extra_names_the_command(text, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.json").touch()
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    code, printed, told = cli("compare", "--data", text, *TINY, "--tokenizer=t.json", "--out=run")
    assert (code, printed) == (2, "")
    assert told.rstrip().endswith('pip install "posembed[models]"')
    assert not (tmp_path / "run").exists()


def test_without_the_plots_libraries_the_results_are_written_all_the_same(run, text, cli, monkeypatch):
    (run[1] / "report.html").unlink()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, told = cli(*again(text, run[1], "--plots"))
    assert code == 0
    *_, where, missing = told.splitlines()
    assert where == f"Results: {run[1] / 'results.json'}, report.md"
    assert missing.startswith("posembed: plots and report.html were not written: drawing plots")
    assert missing.endswith('run  pip install "posembed[report]"  and run the same command again with --resume')
    monkeypatch.undo()
    assert cli(*again(text, run[1], "--plots"))[0] == 0
    assert (run[1] / "report.html").exists()


def test_a_path_with_brackets_is_printed_as_it_is(run, text, cli, tmp_path):
    (run[1]).rename(tmp_path / "[red]run")
    try:
        code, _, told = cli(*again(text, tmp_path / "[red]run"))
    finally:
        (tmp_path / "[red]run").rename(run[1])
    assert code == 0
    assert f"Results: {tmp_path}/[red]run/results.json, report.md" in told


def test_a_disk_that_refuses_is_one_sentence_and_1(run, text, cli, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "report.md")

    monkeypatch.setattr(Path, "write_text", full)
    code, printed, told = cli(*again(text, run[1]))
    assert (code, printed) == (1, "")
    assert told.splitlines()[-1] == "posembed: report.md: no space left on device"
