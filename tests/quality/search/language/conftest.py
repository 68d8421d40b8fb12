"""Candidates whose losses are known."""

import numpy as np
import pytest

from posembed.quality.search.language.candidates import Candidate


@pytest.fixture
def candidate():
    """``candidate(losses)``: a loss of 1 for so many of a hundred documents by length, always the last ones."""

    def make(losses, method="tile", kept=0, documents=100, **options):
        outcomes = {n: (np.arange(documents) >= round(documents * (1 - loss))) * 1.0 for n, loss in losses.items()}
        return Candidate(method, options or {"range": 9}, kept, outcomes)

    return make
