"""The retrieval tasks by name; a new one is added here and to ``Task`` in :mod:`posembed.records.evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from posembed.quality.tasks.cloze import CLOZE
from posembed.quality.tasks.needle import NEEDLE
from posembed.quality.tasks.paragraph import PARAGRAPH
from posembed.quality.tasks.passkey import PASSKEY
from posembed.quality.tasks.section import SECTION
from posembed.quality.tasks.task import RetrievalTask
from posembed.quality.tasks.title import TITLE
from posembed.records.evaluate import Task

TASKS: Mapping[Task, RetrievalTask] = MappingProxyType(
    {task.name: task for task in (TITLE, SECTION, NEEDLE, PARAGRAPH, CLOZE, PASSKEY)}
)
