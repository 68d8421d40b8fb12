"""How many steps fit into a time, on a clock that is known."""

import pytest
import torch

from posembed.errors import WorkFailedError, WorkInterruptedError
from posembed.observer import SILENT, Callbacks
from posembed.quality.calibrate.budget import Timing, fit_into, fitting_steps
from tests.quality.calibrate.test_trainer import Square, trainer_of

LONG = 4  # times as dear


class Clocked(Square):
    """Takes a second for each token of a short step, four for each of a long one, and ten for each evaluation."""

    now = 0.0

    def tokens(self, step):
        return 20 if step % 3 == 2 else 5

    def backward(self, table, step):
        self.now += {5: 5, 20: 20 * LONG}[self.tokens(step)]
        return super().backward(table, step)

    def validate(self, table):
        self.now += 10
        return super().validate(table)


@pytest.fixture
def clocked(monkeypatch):
    objective = Clocked()
    monkeypatch.setattr("time.perf_counter", lambda: objective.now)
    return objective


@pytest.mark.parametrize(
    ("seconds", "steps", "took"),
    [
        (110, 1, 110),  # 10 for the first evaluation, 5 and 80 for timing, 5 for a step, 10 for an evaluation after it
        (194, 2, 115),
        (195, 3, 195),
        (214.9, 5, 205),
        (294.9, 5, 205),
        (295, 6, 295),  # with an evaluation on the way
        (100_000, 40, 95 + 27 * 5 + 13 * 80 + 8 * 10),
    ],
)
def test_as_many_steps_as_fit_into_a_time(tmp_path, clocked, seconds, steps, took):
    """It is kept to, and the same rows are learned as in a training of so many steps."""
    trainer = trainer_of(clocked, patience=100)
    each = fit_into(trainer, seconds / 60)
    assert trainer.config.steps == steps
    assert each == pytest.approx(sum(80 if step % 3 == 2 else 5 for step in range(steps)) / steps)
    updates = []
    trainer.train(tmp_path / "state", Callbacks(progress=updates.append))
    assert (trainer.step, clocked.now) == (steps, took)
    assert [update.done for update in updates] == list(range(steps + 1))
    assert trainer.seconds == took - 85  # timing is not training
    plain = trainer_of(steps=steps, patience=100)
    plain.train(tmp_path / "plain", SILENT)
    assert torch.equal(trainer.table(), plain.table())
    assert trainer.curve == plain.curve


def test_no_step_fits(clocked):
    said = (
        "minutes=1.5 is too little for one step: .* took 95.0 s, a step takes 5.0 s .* 10.0 s; .* at least minutes=1.9"
    )
    with pytest.raises(WorkFailedError, match=said):
        fit_into(trainer_of(clocked), 1.5)
    fit_into(trainer_of(Clocked()), 1.9)


class ManySizes(Clocked):
    """Each step is of another size, a token takes as many seconds as the step has tokens."""

    timed = 0

    def tokens(self, step):
        return 1 + step

    def backward(self, table, step):
        self.timed += 1
        self.now += self.tokens(step) ** 2
        return Square.backward(self, table, step)


def test_of_many_sizes_a_few_are_timed(monkeypatch):
    """The others count as much a token as the next larger one: never less than they take."""
    objective = ManySizes()
    monkeypatch.setattr("time.perf_counter", lambda: objective.now)
    trainer = trainer_of(objective, every=40)
    spent = 10 + 10**2 + 20**2 + 30**2 + 40**2
    costs = [size * (10 * -(-size // 10)) for size in range(1, 41)]
    fit_into(trainer, (spent + 10 + sum(costs[:33])) / 60)
    assert objective.timed == 4
    assert trainer.config.steps == 33


@pytest.mark.parametrize("steps", [1, 2])
def test_fewer_steps_than_sizes(clocked, steps):
    trainer = trainer_of(clocked, steps=steps)
    fit_into(trainer, 100.0)
    assert trainer.config.steps == steps
    assert clocked.now == 15


@pytest.mark.parametrize("asked", [0, 1, 2])
def test_it_can_be_stopped(clocked, asked):
    """Between the evaluation and each timing, and after them."""
    answers = iter([False] * asked + [True])
    with pytest.raises(WorkInterruptedError, match="run again with resume=True"):
        fit_into(trainer_of(clocked), 100.0, Callbacks(should_stop=lambda: next(answers)))
    assert clocked.now == [10, 15, 95][asked]


def test_each_step_and_evaluation_counts():
    """The first evaluation and timing took 15 s; the last step is followed by an evaluation of 10 s."""
    timing = Timing(evaluation=10.0, steps=(5.0, 7.0, 5.0, 5.0), spent=15.0)
    fits = {29.9: 0, 30.0: 1, 36.9: 1, 37.0: 2, 51.9: 2, 52.0: 3, 57.0: 4, 1e9: 4}
    assert {seconds: fitting_steps(timing, 2, seconds) for seconds in fits} == fits
    assert fitting_steps(timing, 1, 46.9) == 1
    assert fitting_steps(timing, 1, 47.0) == 2
