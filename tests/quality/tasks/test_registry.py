"""Every task by its name."""

from typing import get_args

from posembed.quality.tasks.registry import TASKS
from posembed.quality.tasks.task import RetrievalTask
from posembed.records.evaluate import Task


def test_the_registry_has_the_tasks_that_options_accept():
    assert tuple(TASKS) == get_args(Task)
    assert all(isinstance(task, RetrievalTask) and task.name == name for name, task in TASKS.items())
