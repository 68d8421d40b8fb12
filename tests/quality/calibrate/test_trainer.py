"""The loop on a loss that is known: it ends where it should, keeps the best, stops in time, goes on exactly."""

import pytest
import torch

from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.observer import SILENT, Callbacks
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.trainer import TableTrainer
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
    second.restore(tmp_path / "state")
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
            other.restore(tmp_path / "state")
    moved = trainer_of()
    moved.identity = identity(sha256="b")
    with pytest.raises(ResultsConflictError, match="the texts have changed"):
        moved.restore(tmp_path / "state")
    start = trainer_of()
    start.table.start += 1
    with pytest.raises(ResultsConflictError, match="the checkpoint's table has changed"):
        start.restore(tmp_path / "state")
