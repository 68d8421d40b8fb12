"""`posembed calibrate`: what reaches the library, what is printed where, and Ctrl-C."""

import json
import os
import signal
from types import SimpleNamespace

import pytest

from posembed.errors import WorkInterruptedError
from posembed.observer import Progress
from posembed.records.calibrate import CalibrateOptions
from tests.fixtures.events import read_scalars


@pytest.fixture
def library(monkeypatch):
    """Stands for the library's function: ``work`` is what it does, ``calls`` what it was given."""
    made = SimpleNamespace(calls=[], work=lambda _out, _observer: None)

    def calibrate(checkpoint, out, options, *, observer):
        made.calls.append((checkpoint, out, options))
        made.work(out, observer)
        return SimpleNamespace(to_dict=lambda: {"schema": "posembed.calibration"})

    monkeypatch.setattr("posembed.commands.calibrate.calibrate", calibrate)
    return made


def test_json_is_all_that_is_on_standard_output(cli, library, tmp_path):
    def write(out, observer):
        observer.progress(Progress("calibration", 6, 6, phase="training", loss=3.5, tokens_per_second=100.0))
        out.mkdir()
        (out / "modules.json").write_text("[]")

    library.work = write
    model, out = tmp_path / "model", tmp_path / "out"
    code, printed, told = cli("calibrate", model, out, "--data=stdlib", "--to=1024", "--minutes=2", "--json")
    assert code == 0
    assert json.loads(printed) == {"schema": "posembed.calibration"}
    assert told.splitlines() == [
        "calibration 6/6 loss 3.500  100 tokens/s",
        f"posembed: wrote {out}, copied bytes compared (full)",
        f"posembed: next: posembed evaluate {out} --original {model}",
    ]
    assert library.calls == [(model, out, CalibrateOptions(data="stdlib", length=1024, minutes=2.0))]


def test_event_files_are_written_where_asked_to(cli, library, tmp_path):
    def train(_out, observer):
        observer.progress(
            Progress("calibration", 5, 9, phase="training", loss=3.5, train_loss=2.5, validation_loss=3.5)
        )

    library.work = train
    logs = tmp_path / "logs"
    assert cli("calibrate", "a", tmp_path / "out", "--data=stdlib", "--log-dir", logs, "--json")[0] == 0
    scalars = read_scalars(logs / "calibration")
    assert scalars == {"train/loss": [(5, 2.5)], "validation/loss": [(5, 3.5)]}
    code, _, told = cli("calibrate", "a", tmp_path / "out", "--data=stdlib", "--log-dir", logs)
    assert code == 2
    assert "holds event files already" in told
    assert cli("calibrate", "a", tmp_path / "out", "--data=stdlib", "--log-dir", logs, "--json", "--resume")[0] == 0
    assert len(library.calls) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("out", "OUT 'out', which is written whole at the end"),
        ("out/logs", "OUT 'out', which is written whole at the end"),
        ("texts/logs", "--data 'texts', whose files are the training text"),
    ],
)
def test_event_files_inside_another_directory_are_refused(cli, library, tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    code, _, told = cli("calibrate", "a", "out", "--data=texts", "--log-dir", name)
    assert (code, told) == (2, f"posembed: --log-dir '{name}' lies inside {said}: give another --log-dir\n")
    assert library.calls == []


def test_ctrl_c_asks_first_and_interrupts_then(cli, library, tmp_path):
    def train(_out, observer):
        assert not observer.should_stop()
        os.kill(os.getpid(), signal.SIGINT)
        if observer.should_stop():
            raise WorkInterruptedError("stopped; resume it with resume=True")

    library.work = train
    code, printed, told = cli("calibrate", "a", tmp_path / "out", "--data=stdlib")
    assert (code, printed) == (130, "")
    assert told.splitlines()[-1] == "posembed: stopped; resume it with --resume"

    def train_deaf(_out, observer):
        observer.should_stop()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    library.work = train_deaf
    code, _, told = cli("calibrate", "a", tmp_path / "out", "--data=stdlib")
    assert (code, told.splitlines()[-1]) == (130, "posembed: stopped")


def test_a_target_that_exists_is_refused_before_any_work(cli, example_checkpoints, tmp_path):
    """By the library itself: not even the texts are read."""
    (tmp_path / "out").mkdir()
    code, printed, told = cli(
        "calibrate", example_checkpoints / "my-gpt2", tmp_path / "out", "--data=stdlib", "--to=1100"
    )
    assert (code, printed) == (2, "")
    assert told == f"posembed: {tmp_path / 'out'} exists already: choose another path, or replace it with --force\n"
