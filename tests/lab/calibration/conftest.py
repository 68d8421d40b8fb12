import pytest

from posembed import calibrate

LONGER = {"steps": 30, "every": 10, "row_rate": 0.01}


@pytest.fixture(scope="session")
def done(embedder, texts, quick, tmp_path_factory):
    """The record and the folder of a calibration that went through; not to be written to."""
    out = tmp_path_factory.mktemp("done") / "out"
    record = calibrate(embedder, out, data=texts, range=32, batch=8, document=100, **quick | LONGER)
    return record, out
