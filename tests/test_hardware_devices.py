"""Every command that runs a model keeps to the device that is asked for, and gives the same numbers there."""

import json
import subprocess
import sys

import pytest
import torch

# Sums of a batch come out in another order: of float32, and of what is trained with it for three steps.
CLOSE = {"rel": 1e-4, "abs": 1e-5}


@pytest.fixture(
    scope="module",
    params=[
        "elsewhere",
        pytest.param(
            "cuda",
            marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")],
        ),
    ],
)
def outcomes(request, embedder, causal, masked, texts, tmp_path_factory):
    paths = {"embedder": embedder, "causal": causal, "masked": masked, "texts": texts}
    paths["out"] = tmp_path_factory.mktemp("out")
    given = json.dumps({name: str(path) for name, path in paths.items()})
    call = [sys.executable, "-m", "tests.fixtures.elsewhere_child", request.param, given]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_all_is_the_same_elsewhere(outcomes):
    assert len(outcomes) > 10
    for name, (here, there) in outcomes.items():
        assert isinstance(here, dict), f"{name}: {here}"
        assert isinstance(there, dict), f"{name}, elsewhere: {there}"
        assert_close(here, there, name)


def test_tensors_of_two_devices_do_not_mix():
    """Otherwise the test above could not fail."""
    program = """
import torch
from tests.fixtures import elsewhere
elsewhere.register()
with elsewhere.two_devices():
    there = torch.ones(2, device="elsewhere")
    assert (there + 1).cpu().tolist() == [2, 2]
    try:
        there + torch.ones(2)
    except RuntimeError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "was called with tensors on the CPU and elsewhere" in done.stdout


def assert_close(here, there, place):
    if isinstance(here, dict):
        assert here.keys() == there.keys(), place
        for name, value in here.items():
            assert_close(value, there[name], f"{place}, {name}")
    elif isinstance(here, list):
        assert len(here) == len(there), place
        for number, value in enumerate(here):
            assert_close(value, there[number], f"{place}, {number}")
    elif isinstance(here, float):
        assert there == pytest.approx(here, **CLOSE), place
    else:
        assert here == there, place
