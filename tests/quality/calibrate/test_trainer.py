"""The loop on a loss that is known: it ends where it should, keeps the best, stops in time, goes on exactly."""

import math

import pytest
import torch

from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.observer import SILENT, Callbacks
from posembed.quality.calibrate.state import SavedState
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.trainer import TableTrainer, learning_rate
from tests.fixtures.calibrations import configured, identity

SMALL = {
    "length": 8,
    "keep": 2,
    "period": 8,
    "document": 8,
    "steps": 40,
    "every": 5,
    "shift_rate": 0.05,
    "row_rate": 0.01,
}


class Square:
    """Distance to a table; each step adds noise that follows from its number."""

    def __init__(self, goal=1.0, broken=None):
        self.goal, self.broken = goal, broken

    def backward(self, table, step):
        noise = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        loss = (table() - self.goal - 0.1 * noise).square().mean()
        if step == self.broken:
            loss = loss * float("nan")
        loss.backward()
        return loss.item()

    def validate(self, table):
        return (table - self.goal).square().mean().item()

    def tokens(self, step):
        return 8 + step


class Passed(Square):
    """Validated at half of the goal."""

    def validate(self, table):
        return (table - self.goal / 2).square()[2:].mean().item()


def trainer_of(objective=None, **settings):
    table = CalibratedTable(torch.zeros(8, 3), frozen=2, period=8)
    return TableTrainer(configured(**SMALL | settings), table, objective or Square(), identity())


def restored(trainer, path):
    """Take over the newest undamaged state."""
    trainer.restore(path, SavedState.read(path).value)


def test_it_goes_to_the_goal_and_evaluates_as_often_as_asked(tmp_path):
    trainer = trainer_of()
    updates = []
    trainer.train(tmp_path / "state", Callbacks(progress=updates.append))
    assert [point.step for point in trainer.curve] == [0, 5, 10, 15, 20, 25, 30, 35, 40]
    assert trainer.best_loss < 0.3 * trainer.start_loss
    assert [update.done for update in updates] == list(range(41))
    assert torch.equal(trainer.table()[:2], torch.zeros(2, 3))


def test_the_best_table_is_what_is_left(tmp_path):
    """What is trained for lies behind what is validated: the best table is passed on the way."""
    trainer = trainer_of(Passed(), patience=100)
    trainer.train(tmp_path / "state", SILENT)
    losses = [point.validation for point in trainer.curve]
    assert trainer.objective.validate(trainer.table()) == pytest.approx(min(losses))
    assert min(losses) < 0.5 * min(losses[0], losses[-1])


def test_it_ends_when_nothing_gets_better(tmp_path):
    trainer = trainer_of(Square(goal=0.0), patience=2)
    trainer.train(tmp_path / "state", SILENT)
    assert trainer.step == 10
    assert trainer.best_loss == trainer.start_loss == 0.0


@pytest.mark.parametrize("stop", [1, 7, 20, 39])
def test_stopped_and_gone_on_with_it_is_the_same(tmp_path, stop):
    whole = trainer_of()
    whole.train(tmp_path / "whole", SILENT)
    first = trainer_of()
    with pytest.raises(WorkInterruptedError, match=f"stopped at step {stop} of 40.*resume=True"):
        first.train(tmp_path / "state", Callbacks(should_stop=lambda: first.step == stop))
    second = trainer_of()
    restored(second, tmp_path / "state")
    assert second.step == stop
    second.train(tmp_path / "state", SILENT)
    assert torch.equal(second.table(), whole.table())
    assert second.curve == whole.curve


def test_a_loss_that_is_no_number_ends_it(tmp_path):
    trainer = trainer_of(Square(broken=6))
    with pytest.raises(WorkFailedError, match="the loss became nan at step 7 of 40"):
        trainer.train(tmp_path / "state", SILENT)


def test_other_work_is_not_gone_on_with(tmp_path):
    trainer_of().save(tmp_path / "state")
    for other, said in (
        (trainer_of(seed=1), "seed: 0 there, 1 here"),
        (trainer_of(shift_rate=0.2), "shift_rate"),
    ):
        with pytest.raises(ResultsConflictError, match=said):
            restored(other, tmp_path / "state")
    moved = trainer_of()
    moved.identity = identity(sha256="b")
    with pytest.raises(ResultsConflictError, match="the texts have changed"):
        restored(moved, tmp_path / "state")
    start = trainer_of()
    start.table.start += 1
    with pytest.raises(ResultsConflictError, match="the checkpoint's table has changed"):
        restored(start, tmp_path / "state")


@pytest.mark.parametrize(
    ("step", "steps", "rate"),
    [
        (0, 100, 0.1 * 1.0),
        (4, 100, 0.5 * (0.1 + 0.45 * (1 + math.cos(0.04 * math.pi)))),
        (9, 100, 0.1 + 0.45 * (1 + math.cos(0.09 * math.pi))),
        (50, 100, 0.55),
        (100, 100, 0.1),
        (1, 2, 0.2 * 0.55),
    ],
)
def test_the_rate_warms_up_over_ten_steps_and_falls_to_a_tenth(step, steps, rate):
    assert learning_rate(2.0, step, steps) == pytest.approx(2.0 * rate)


def test_shift_and_rows_have_rates_of_their_own(tmp_path):
    trainer = trainer_of(steps=3, every=1, shift_rate=0.4, row_rate=0.0)
    trainer.train(tmp_path / "state", SILENT)
    shift, rows = trainer.optimizer.param_groups
    assert (shift["lr"], rows["lr"]) == (learning_rate(0.4, 2, 3), 0.0)
    assert shift["betas"] == (0.9, 0.98)
    assert trainer.table.shift.any()
    assert not trainer.table.rows.any()


def test_every_step_is_shown_with_its_speed(tmp_path, monkeypatch):
    """Seconds pass in steps alone, two each."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    class Slow(Square):
        def backward(self, table, step):
            now[0] += 2.0
            return super().backward(table, step)

    updates = []
    trainer = trainer_of(Slow(), steps=4, every=2)
    trainer.train(tmp_path / "state", Callbacks(progress=updates.append))
    assert [update.done for update in updates] == [0, 1, 2, 3, 4]
    assert [update.seconds for update in updates] == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert [update.tokens_per_second for update in updates] == [0.0, 8 / 2, 17 / 4, 27 / 6, 38 / 8]
    assert {(update.name, update.total, update.phase, update.unit) for update in updates} == {
        ("calibration", 4, "training", "steps")
    }
    assert [update.loss for update in updates] == [
        trainer.curve[at].validation for at in (0, 0, 1, 1, 2)
    ]  # the latest evaluation


def test_the_mean_training_loss_since_the_evaluation_before(tmp_path):
    losses = []

    class Told(Square):
        def backward(self, table, step):
            losses.append(super().backward(table, step))
            return losses[-1]

    trainer = trainer_of(Told(), steps=5, every=2)
    trainer.train(tmp_path / "state", SILENT)
    means = [sum(losses[a:b]) / (b - a) for a, b in ((0, 2), (2, 4), (4, 5))]
    assert [point.train for point in trainer.curve] == [None, *means]
    assert [point.step for point in trainer.curve] == [0, 2, 4, 5]


@pytest.mark.parametrize(("seconds", "saves"), [(21.0, [1, 2, 3]), (11.0, [2]), (20.0, [2])])
def test_the_state_is_saved_every_twenty_seconds(tmp_path, monkeypatch, seconds, saves):
    now, saved = [0.0], []
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    class Slow(Square):
        def backward(self, table, step):
            now[0] += seconds
            return super().backward(table, step)

    trainer = trainer_of(Slow(), steps=3)
    monkeypatch.setattr(trainer, "save", lambda _: saved.append(trainer.step))
    trainer.train(tmp_path / "state", SILENT)
    assert saved == saves


def test_gradients_are_taken_where_the_caller_switched_them_off(tmp_path):
    trainer = trainer_of(steps=2)
    with torch.no_grad():
        trainer.train(tmp_path / "state", SILENT)
    assert trainer.step == 2


@pytest.mark.parametrize(("patience", "steps"), [(1, 5), (2, 10), (3, 15)])
def test_patience_counts_evaluations_since_the_best(tmp_path, patience, steps):
    trainer = trainer_of(Square(goal=0.0), patience=patience)
    trainer.train(tmp_path / "state", SILENT)
    assert trainer.step == steps
    assert not trainer.table.shift.any()  # the best table is the first


def test_an_equal_loss_is_no_improvement():
    trainer = trainer_of(Square())
    trainer.evaluate()
    best = {name: value.clone() for name, value in trainer.best.items()}
    with torch.no_grad():
        trainer.table.shift.add_(0.0)
        trainer.table.rows[0].fill_(1e-12)  # too small to change the loss
    trainer.evaluate()
    assert trainer.curve[0].validation == trainer.curve[1].validation
    assert all(torch.equal(value, best[name]) for name, value in trainer.best.items())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_validation_loss_that_is_no_number_ends_it(value):
    class Broken(Square):
        def validate(self, _, /):
            return value

    with pytest.raises(WorkFailedError, match=f"the loss on validation texts is {value} at step 0: .*precision='fp32'"):
        trainer_of(Broken()).evaluate()


def test_what_is_validated_has_its_kept_rows_restored():
    seen = []

    class Watching(Square):
        def validate(self, table):
            seen.append(table.clone())
            return super().validate(table)

    trainer = trainer_of(Watching())
    trainer.table = CalibratedTable(torch.zeros(8, 3), frozen=0, period=8, restored=2)
    with torch.no_grad():
        trainer.table.shift.fill_(1.0)
    trainer.evaluate()
    assert seen[0][:2].eq(0).all()
    assert seen[0][2:].eq(1).all()


class Tight(Square):
    """Its eight inputs are read a few at a time: more than ``room`` at once do not fit into memory."""

    def __init__(self, room):
        super().__init__()
        self.room, self.at_once = room, 8

    def backward(self, table, step):
        total = 0.0
        for _ in range(0, 8, self.at_once):  # the memory runs out after gradients were added
            total += super().backward(table, step)
            if self.at_once > self.room:
                raise torch.OutOfMemoryError("CUDA out of memory")
        return total * self.at_once / 8

    def halve(self):
        halved = self.at_once > 1
        self.at_once = max(1, self.at_once // 2)
        return halved


def test_where_memory_runs_out_half_as_many_inputs_are_read():
    """The step is taken again from its beginning: no gradient of the failed one is left."""
    tight, plain = trainer_of(Tight(2)), trainer_of()
    assert tight.backward(3) == pytest.approx(plain.backward(3))
    assert tight.objective.at_once == 2
    assert torch.allclose(tight.table.rows.grad, 4 * plain.table.rows.grad)
    assert tight.backward(4) == pytest.approx(plain.backward(4))


def test_not_even_one_input_fits():
    with pytest.raises(
        WorkFailedError, match=r"^not even one training input of 8 tokens fits into the memory of cpu: "
    ):
        trainer_of(Tight(0)).backward(0)
