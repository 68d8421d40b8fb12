"""Work that is stopped, killed or given a time goes on to the rows that it would have made in one go."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.numpy import load_file, save_file

from posembed import calibrate
from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.integrations.tensorboard import TensorBoardObserver
from posembed.observer import Callbacks
from tests.commands.test_calibrate import KEYS, table_of
from tests.fixtures.calibrations import LONGER
from tests.fixtures.events import read_scalars


def test_the_same_call_gives_the_same_rows(done, embedder, texts, quick, tmp_path):
    calibrate(embedder, tmp_path / "out", data=texts, range=32, batch=8, document=100, **quick | LONGER)
    one, other = (table_of(folder, KEYS["embedder"]) for folder in (done[1], tmp_path / "out"))
    assert one.tobytes() == other.tobytes()


def test_stopped_work_is_gone_on_with(done, embedder, texts, quick, tmp_path):
    settings = {"data": texts, "range": 32, "batch": 8, "document": 100} | quick | LONGER
    logs = tmp_path / "logs"
    with (
        TensorBoardObserver(logs, stopping_after(13)) as observer,
        pytest.raises(WorkInterruptedError, match="run again with resume=True"),
    ):
        calibrate(embedder, tmp_path / "out", **settings, observer=observer)
    assert (tmp_path / "out.calibrating").is_file()
    assert not (tmp_path / "out").exists()
    with pytest.raises(ResultsConflictError, match="resume it with resume=True, or delete it"):
        calibrate(embedder, tmp_path / "out", **settings)
    with pytest.raises(ResultsConflictError, match="seed: 0 there, 5 here"):
        calibrate(embedder, tmp_path / "out", **settings, resume=True, seed=5)
    with pytest.raises(ResultsConflictError, match="range: 32 there, 40 here"):
        calibrate(embedder, tmp_path / "out", **settings | {"range": 40}, resume=True)
    other = shutil.copytree(embedder, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    save_file(
        {name: value + (0.1 if "output.dense.weight" in name else 0) for name, value in weights.items()},
        other / "model.safetensors",
    )
    with pytest.raises(ResultsConflictError, match="the model's weights, its tokenizer or its pooling have changed"):
        calibrate(other, tmp_path / "out", **settings, resume=True)
    with TensorBoardObserver(logs, resume=True) as observer:
        record = calibrate(embedder, tmp_path / "out", **settings, observer=observer, resume=True)
    assert not (tmp_path / "out.calibrating").exists()
    one, other = (table_of(folder, KEYS["embedder"]) for folder in (done[1], tmp_path / "out"))
    assert one.tobytes() == other.tobytes()
    scalars = read_scalars(logs / "calibration")
    assert [step for step, _ in scalars["train/loss"]] == list(range(1, 31))
    curve = [(point.step, pytest.approx(point.validation)) for point in record.curve]
    assert scalars["validation/loss"] == curve
    assert [point.step for point in done[0].curve] == [step for step, _ in curve]


def test_killed_outright_it_goes_on_to_the_same(done, embedder, texts, quick, tmp_path):
    """SIGKILL in the middle: the state that was last saved is enough."""
    call = (
        "import torch; torch.set_num_threads(1)\n"
        "from posembed.quality.calibrate import trainer; trainer._SAVE_SECONDS = 0.0\n"
        "from posembed import calibrate\n"
        f"calibrate({str(embedder)!r}, {str(tmp_path / 'out')!r}, data={texts!r}, range=32, batch=8, document=100, "
        f"resume=True, **{quick | LONGER!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", call], stderr=subprocess.DEVNULL)
    state = tmp_path / "out.calibrating"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if state.exists() and torch.load(state, weights_only=True)["step"] >= 5:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out").exists()
    assert 5 <= torch.load(state, weights_only=True)["step"] < 30
    calibrate(embedder, tmp_path / "out", data=texts, range=32, batch=8, document=100, resume=True, **quick | LONGER)
    one, other = (table_of(folder, KEYS["embedder"]) for folder in (done[1], tmp_path / "out"))
    assert one.tobytes() == other.tobytes()


def test_steps_that_fit_into_minutes(done, embedder, texts, quick, tmp_path):
    """With time enough it is the same; with too little nothing is written, but what was chosen is not lost."""
    settings = {"data": texts, "range": 32, "batch": 8, "document": 100} | quick | LONGER
    told = []
    with pytest.raises(WorkFailedError, match="minutes=1e-06 is too little for one step"):
        calibrate(embedder, tmp_path / "out", **settings, minutes=1e-6)
    record = calibrate(
        embedder, tmp_path / "out", **settings, minutes=1e6, resume=True, observer=Callbacks(message=told.append)
    )
    assert record.configuration == done[0].configuration
    assert any(sentence.startswith("30 of 30 steps, about ") for sentence in told)
    assert table_of(tmp_path / "out", KEYS["embedder"]).tobytes() == table_of(done[1], KEYS["embedder"]).tobytes()


def stopping_after(steps):
    """An observer that asks to stop once it has been asked so many times."""
    asked = []
    return Callbacks(should_stop=lambda: len(asked) >= steps or bool(asked.append(1)))


def to_20_steps(trainer, minutes, observer):
    trainer.evaluate()
    trainer.config = dataclasses.replace(trainer.config, steps=20)
    return 1.0


@pytest.mark.parametrize("stop", [1, 12])
def test_what_fits_is_settled_once(embedder, texts, quick, tmp_path, monkeypatch, stop):
    """Gone on with, it is not timed again: the rows are those of so many steps."""
    settings = {"data": texts, "range": 32, "batch": 8, "document": 100} | quick | LONGER
    with monkeypatch.context() as timed:  # timed again, it would be 30
        timed.setattr("posembed.commands.calibrate.fit_into", to_20_steps)
        with pytest.raises(WorkInterruptedError, match=f"at step {stop} of 20"):
            calibrate(embedder, tmp_path / "out", **settings, minutes=2, observer=stopping_after(stop - 1))
    for other, said in (
        ({"minutes": 3}, "minutes: 2 there, 3 here"),
        ({"minutes": 2, "steps": 25}, "steps: 30 there, 25 here"),
        ({}, "minutes: 2 there, None here"),
    ):
        with pytest.raises(ResultsConflictError, match=rf"another calibration \({said}\)"):
            calibrate(embedder, tmp_path / "out", **settings | other, resume=True)
    record = calibrate(embedder, tmp_path / "out", **settings, minutes=2, resume=True)
    assert record.steps == record.configuration.steps == 20
    calibrate(embedder, tmp_path / "plain", **settings | {"steps": 20})
    one, other = (table_of(tmp_path / name, KEYS["embedder"]) for name in ("out", "plain"))
    assert one.tobytes() == other.tobytes()


def test_the_settled_steps_outlive_a_kill(embedder, texts, quick, tmp_path, monkeypatch):
    """Killed before the first step: not even a moment after timing may another number come out."""
    settings = {"data": texts, "range": 32, "batch": 8, "document": 100} | quick | LONGER

    def die(sentence):
        if sentence == "calibrating":
            raise KeyboardInterrupt

    with monkeypatch.context() as timed:
        timed.setattr("posembed.commands.calibrate.fit_into", to_20_steps)
        with pytest.raises(WorkInterruptedError):
            calibrate(embedder, tmp_path / "out", **settings, minutes=2, observer=Callbacks(message=die))
    assert calibrate(embedder, tmp_path / "out", **settings, minutes=2, resume=True).steps == 20


def test_a_calibration_without_a_time_is_not_gone_on_with_in_one(embedder, texts, quick, tmp_path):
    settings = {"data": texts, "range": 32, "batch": 8, "document": 100} | quick | LONGER
    with pytest.raises(WorkInterruptedError):
        calibrate(embedder, tmp_path / "out", **settings, observer=Callbacks(should_stop=lambda: True))
    with pytest.raises(ResultsConflictError, match="minutes: None there, 5 here"):
        calibrate(embedder, tmp_path / "out", **settings, minutes=5, resume=True)


def test_ctrl_c_keeps_the_work(embedder, texts, tmp_path):
    """The first Ctrl-C ends the step, saves and says how to go on."""
    command = [
        *(sys.executable, "-m", "posembed", "calibrate", embedder, tmp_path / "out", "--data", texts, "--to", "128"),
        *("--range", "32", "--steps", "100000", "--batch", "4", "--document", "100", "--precision", "fp32"),
    ]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("calibration "):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 130
    assert "the work so far is kept in" in err.replace("\n", " ")
    assert "--resume" in err
    assert "Traceback" not in err
    assert out == ""
    assert (tmp_path / "out.calibrating").is_file()
