"""`posembed lesson` as a user types it."""

import json
import signal
import subprocess
import sys

import pytest


def test_as_text(cli, example_checkpoints):
    code, printed, told = cli("lesson", "--checkpoint", example_checkpoints / "my-gpt2")
    assert (code, told) == (0, "")
    assert "my-gpt2" in printed
    assert "393,216" in printed


def test_as_a_page(cli, example_checkpoints, tmp_path):
    file = tmp_path / "lesson.html"
    for _ in range(2):  # an older page is replaced
        code, printed, told = cli("lesson", "--html", file, "--checkpoint", example_checkpoints / "my-bert")
        assert (code, printed) == (0, "")
        assert told == f"posembed: wrote {file}\n"
    assert file.read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_other_files_stay(cli, tmp_path):
    file = tmp_path / "notes.html"
    file.write_text("mine", encoding="utf-8")
    code, _, told = cli("lesson", "--html", file)
    assert code == 2
    assert "is not a posembed report" in told
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--checkpoint", "absent"], "absent"),
        (["--results", "absent.json"], "absent.json' cannot be read: no such file"),
        (["--html", "."], "is a directory"),
        (["--html", "absent/lesson.html"], "there is no directory absent"),
    ],
)
def test_wrong_calls_are_one_sentence(cli, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    code, printed, told = cli("lesson", *arguments)
    assert (code, printed) == (2, "")
    assert sentence in told
    assert len(told.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_is_one_sentence():
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    begun = "import posembed.lesson.content as c; c._sections = lambda *_: (print('begun', flush=True), time.sleep(60))"
    code = f"{heard}; import time; {begun}; from posembed.cli.app import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "lesson"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=500)
    assert (process.returncode, told) == (130, "posembed: stopped\n")


def test_a_reader_s_own_run(cli, tmp_path, example_checkpoints):
    from posembed.lesson.measured import load_measured

    results = load_measured().results.to_dict()
    results["verdict"][0] = "learned − sinusoidal = 0.123 ± 0.001 nats: a run of the reader's"
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    code, printed, _ = cli("lesson", "--results", tmp_path, "--checkpoint", example_checkpoints / "my-bert")
    assert code == 0
    assert "a run of the reader's" in printed
