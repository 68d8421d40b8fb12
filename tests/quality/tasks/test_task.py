"""What tasks share."""

import numpy as np
import pytest

from posembed.errors import DataError
from posembed.quality.tasks.needle import NEEDLE
from posembed.quality.tasks.task import LEAST_HAYSTACK, HaystackTask, RetrievalTask


def test_a_haystack_does_not_repeat_itself_often():
    """The longest documents by default have 4,096 tokens: none repeats a passage more than four times."""
    assert 4096 / LEAST_HAYSTACK <= 4


@pytest.mark.parametrize(("length", "missing"), [(0, "1,024"), (1000, "24")])
def test_what_is_missing_is_said(request_of, length, missing):
    with pytest.raises(DataError, match=f"{missing} tokens are missing; give more text in `data`, or fewer `doc"):
        NEEDLE.require_haystack(request_of(), np.zeros(length, dtype=np.int64))


def test_a_task_must_be_whole():
    assert RetrievalTask.__abstractmethods__ == {"pairs"}
    assert HaystackTask.__abstractmethods__ == {"prepare"}
