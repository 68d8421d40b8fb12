"""``evaluate`` and the comparison of two by name: the model is downloaded once, and named with its commit."""

import shutil

import pytest

from posembed.commands.evaluate import evaluate
from posembed.commands.inspect import compare_checkpoints
from tests.fixtures.servers import COMMIT


@pytest.mark.slow  # seconds of a library's imports, and two evaluations
def test_a_model_of_the_hub_is_evaluated(embedder, hub):
    shutil.copytree(embedder, hub.folder / "org" / "embedder")
    options = {"data": "stdlib", "lengths": (64,), "pool": 4, "documents": 4, "tasks": ("passkey",)}
    by_name, by_path = (evaluate(each, **options) for each in ("org/embedder", embedder))
    assert by_name.checkpoint == f"org/embedder@{COMMIT}"
    assert by_name.results.fidelity == by_path.results.fidelity
    pair = compare_checkpoints("org/embedder", embedder)
    assert pair.pairs
