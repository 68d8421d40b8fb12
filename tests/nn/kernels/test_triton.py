"""Runs kernel_cases.py in a process of its own: interpreted on the CPU, and compiled where there is a GPU."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from posembed.nn.kernels.choose import TRITON_INSTALLED

# Triton before 3.7 cannot interpret kernels with NumPy 2.4; it compiles them.
OLDEST = (3, 7)
CASES = Path(__file__).with_name("kernel_cases.py")


def version():
    return tuple(map(int, importlib.metadata.version("triton").split(".")[:2])) if TRITON_INSTALLED else OLDEST


def run_cases(**environment):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--noconftest", "-p", "no:cacheprovider", str(CASES)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=CASES.parents[3])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.skipif(
    not TRITON_INSTALLED and os.environ.get("POSEMBED_REQUIRE_TRITON") != "1",
    reason="triton is not installed (pip install 'posembed[triton]', about 1 GB)",
)
@pytest.mark.skipif(version() < OLDEST, reason="this version of Triton does not interpret with NumPy 2.4")
def test_interpreted():
    run_cases(TRITON_INTERPRET="1")


@pytest.mark.gpu
@pytest.mark.skipif(not (TRITON_INSTALLED and torch.cuda.is_available()), reason="needs triton and a CUDA device")
def test_compiled():
    run_cases(TRITON_INTERPRET="0")
