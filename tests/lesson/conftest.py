"""The lesson of a small text model: computed once."""

import pytest

from posembed.lesson.content import build_lesson
from posembed.lesson.measured import load_measured


@pytest.fixture(scope="session")
def measured():
    return load_measured()


@pytest.fixture(scope="session")
def sections(example_checkpoints):
    return build_lesson(example_checkpoints / "my-bert")
