"""Shared by all tests: reproducible examples, one thread, one seed."""

import signal
import sys

import pytest
import torch
from hypothesis import HealthCheck, settings

from posembed.cli.app import main
from posembed.extension.check.libraries import library_of

# derandomize: a run shows the same examples everywhere; no database, so nothing is written beside the tests.
settings.register_profile(
    "posembed",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("posembed")
torch.set_num_threads(1)  # the tensors are tiny: more threads only wait for each other


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def cli(monkeypatch, capfd):
    """Calls ``posembed`` in this process; returns exit code, standard output, standard error."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["posembed", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capfd.readouterr()

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(autouse=True)
def with_model_check(request, monkeypatch):
    """In tests marked ``model_check`` a library does load what was written; the others start no process for that."""
    if request.node.get_closest_marker("model_check") is not None:
        monkeypatch.setattr("posembed.extension.check.session.library_of", library_of)
