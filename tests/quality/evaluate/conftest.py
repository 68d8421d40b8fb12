"""Few bootstrap resamples: the tests of this folder read means, and bounds only by their side of a number."""

import pytest

from posembed import statistics


@pytest.fixture(autouse=True, scope="package")
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 200)
        yield
