"""Event files of a long call: what is in them, resumed work, and a disk that refuses."""

import sys

import pytest

from posembed.errors import InvalidArgumentError, MissingExtraError, ResultsConflictError
from posembed.integrations.tensorboard import TensorBoardObserver
from posembed.observer import Callbacks, Progress
from tests.fixtures.events import read_scalars


def step(number, train=None, validation=None, name="learned-seed0"):
    return Progress(
        name, number, 40, phase="training", loss=9.0, tokens_per_second=100.0 + number, train_loss=train,
        validation_loss=validation,
    )  # fmt: skip


def test_each_piece_of_work_is_a_run_of_its_own(tmp_path):
    with TensorBoardObserver(tmp_path / "logs") as observer:
        observer.progress(step(0, validation=4.0))
        observer.progress(step(10, 3.0))
        observer.progress(step(20, 2.0, 2.5))
        observer.progress(step(10, 3.5, name="rope-seed0"))
        observer.progress(Progress("writing", 5, 10, "bytes"))
        observer.progress(Progress("learned-seed0", phase="failed", detail="why"))
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["learned-seed0", "rope-seed0"]
    assert read_scalars(tmp_path / "logs" / "learned-seed0") == {
        "train/loss": [(10, 3.0), (20, 2.0)],
        "validation/loss": [(0, 4.0), (20, 2.5)],
        "train/tokens_per_second": [(10, 110.0), (20, 120.0)],
    }
    assert read_scalars(tmp_path / "logs" / "rope-seed0")["train/loss"] == [(10, 3.5)]


def test_everything_is_passed_on(tmp_path):
    said, updates = [], []
    inner = Callbacks(message=said.append, progress=updates.append, should_stop=lambda: True)
    with TensorBoardObserver(tmp_path, inner) as observer:
        observer.message("loading")
        observer.warning("damaged")
        observer.progress(step(1, 2.0))
        assert observer.should_stop()
    assert said == ["loading", "damaged"]
    assert updates == [step(1, 2.0)]


def test_resumed_work_replaces_the_steps_that_were_lost(tmp_path):
    with TensorBoardObserver(tmp_path) as observer:
        for number in (10, 20, 30):
            observer.progress(step(number, float(number), number + 0.5))
    with TensorBoardObserver(tmp_path, resume=True) as observer:  # the state was last saved at step 10
        for number in (20, 30, 40):
            observer.progress(step(number, float(number), number + 0.5))
    scalars = read_scalars(tmp_path / "learned-seed0")
    assert scalars["train/loss"] == [(number, float(number)) for number in (10, 20, 30, 40)]
    assert scalars["validation/loss"] == [(number, number + 0.5) for number in (10, 20, 30, 40)]


def test_other_runs_are_not_mixed_with(tmp_path):
    with TensorBoardObserver(tmp_path) as observer:
        observer.progress(step(1, 2.0))
    with pytest.raises(
        ResultsConflictError, match=r"holds event files already, .* give another `log_dir`, or resume=T"
    ):
        TensorBoardObserver(tmp_path)
    assert read_scalars(tmp_path / "learned-seed0")["train/loss"] == [(1, 2.0)]


def test_nothing_is_made_before_there_is_something_to_write(tmp_path):
    with TensorBoardObserver(tmp_path / "logs"):
        pass
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(("name", "said"), [("file", "is a file; give a directory"), ("", "must be a path, not empty")])
def test_what_is_no_directory_is_refused(tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InvalidArgumentError, match=f"log_dir='{name}' {said}"):
        TensorBoardObserver(name)


def test_a_missing_extra_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError, match=r'pip install "posembed\[tensorboard\]"'):
        TensorBoardObserver(tmp_path)


def test_a_disk_that_refuses_stops_the_log_and_not_the_work(tmp_path):
    (tmp_path / "learned-seed0").touch()  # where the run's folder would be
    said, updates = [], []
    with TensorBoardObserver(tmp_path, Callbacks(message=said.append, progress=updates.append)) as observer:
        for number in (10, 20):
            observer.progress(step(number, 1.0))
    assert said == [f"nothing more is logged to {tmp_path}: {tmp_path / 'learned-seed0'}: file exists"]
    assert len(updates) == 2


def test_a_disk_that_fills_up_later_is_said_at_the_end(tmp_path, monkeypatch):
    said = []

    def full(*_):
        raise OSError(28, "No space left on device")

    with TensorBoardObserver(tmp_path, Callbacks(message=said.append)) as observer:
        observer.progress(step(10, 1.0))
        (writer,) = observer._writers.values()
        monkeypatch.setattr(writer, "close", full)
    assert said == [f"nothing more is logged to {tmp_path}: no space left on device"]
    monkeypatch.undo()
    writer.close()
