"""SIGINT and SIGTERM at any moment: one sentence and 130, no traceback, nothing left behind."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import transformers

import posembed
from posembed.checkpoint import staging
from posembed.commands import calibrate as calibrating
from posembed.commands import compare as comparing
from posembed.commands import extend as extending
from posembed.quality.calibrate import objective
from posembed.quality.calibrate import write as writing
from posembed.quality.models import language

ROOT = Path(posembed.__file__).parent.parent
# Reports each module before it is imported, so that a signal comes while the program's libraries load.
WATCHED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
module, number = sys.argv[1], int(sys.argv[2])
sys.argv[1:] = sys.argv[3:]

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Watch())
from posembed.__main__ import main
main()
"""


def run(*arguments, cwd):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WATCHED, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=120, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["cyclopts", "posembed.cli.values", "posembed.cli.inspect", "posembed.find.search"])
def test_while_libraries_load(example_checkpoints, tmp_path, number, module):
    done = run(module, int(number), "inspect", example_checkpoints / "my-gpt2", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "posembed: stopped\n")


def test_a_background_job_that_ignores_ctrl_c_goes_on(example_checkpoints, tmp_path):
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); from posembed.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", ignoring, "inspect", str(example_checkpoints / "my-gpt2"), "--no-values"],
        capture_output=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0


@pytest.fixture
def interrupted(cli, monkeypatch, causal, texts, tmp_path):
    """Calls the command line, which gets a signal when a function is called."""
    shutil.copytree(causal, tmp_path / "model")
    shutil.copytree(texts, tmp_path / "texts")
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def call(place, number, *arguments):
        whole, calls = getattr(*place), []

        def interrupting(*given, **named):
            calls.append(number)
            if len(calls) == 1:
                signal.raise_signal(number)
            return whole(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(*place, interrupting)
            return cli(*arguments), calls

    yield call
    signal.signal(signal.SIGINT, handler)


CALIBRATE = ["calibrate", "model", "out", "--data", "texts", "--to=128", "--steps=2", "--batch=1", "--every=1"]
EVALUATE = ["evaluate", "model", "--data", "texts", "--documents", "2", "--lengths", "64"]
EXTEND = ["extend", "model", "out", "--to", "128"]
SEARCH = [*EXTEND, "--data", "texts"]
COMPARE = ["compare", "--data", "texts", "--out", "out", "--steps", "2", "--no-plots"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("place", "call", "sentence"),
    [
        ((extending, "write_extension"), EXTEND, "stopped"),
        ((staging, "flush"), EXTEND, "stopped"),
        ((language, "load_files"), EVALUATE, "stopped"),
        ((transformers.GPT2LMHeadModel, "forward"), EVALUATE, "stopped"),
        ((transformers.GPT2LMHeadModel, "forward"), SEARCH, "stopped"),
        ((objective, "extend_in_place"), CALIBRATE, "stopped"),
        ((calibrating, "make_result"), CALIBRATE, "stopped; the work that was last saved is kept in out.calibrating"),
        ((writing, "write_extension"), CALIBRATE, "stopped; the work that was last saved is kept in out.calibrating"),
        ((comparing, "prepare_units"), COMPARE, "stopped"),
        ((comparing, "run_units"), COMPARE, "stopped; the work so far is in out: resume it with --resume"),
    ],
)
def test_in_the_middle_of_the_work(interrupted, tmp_path, number, place, call, sentence):
    (code, _, said), calls = interrupted(place, number, *call)
    assert calls
    assert code == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith(f"posembed: {sentence}")
    assert not (tmp_path / "out" / "config.json").exists()
    left = {path.name for path in tmp_path.iterdir()} - {"model", "texts"}
    assert left <= {"out.calibrating", "out.calibrating.previous"} or (left == {"out"} and call is COMPARE)
    if "out.calibrating" in left:
        assert interrupted(place, number, *call)[0][0] == 2  # it is there, and asked for by name
