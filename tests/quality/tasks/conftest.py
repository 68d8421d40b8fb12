"""Letters as tokens, and what tasks are asked for."""

import numpy as np
import pytest

from posembed.quality.tasks.task import SetRequest


def encode(text):
    return list(text.encode())


@pytest.fixture
def request_of():
    """``request_of(body=…)``: ten documents of 500 tokens in pools of five."""

    def make(**changed):
        usual = {"encode": encode, "split": "test", "length": 502, "body": 500, "documents": 10, "pool": 5}
        return SetRequest(**usual | changed)

    return make


@pytest.fixture
def stream():
    return np.random.default_rng(0).integers(1000, 50000, 5000)
