"""The process that checks: what it says of copies that load, of copies that do not, and of those it cannot judge."""

import json
import os
import subprocess
import sys
import threading

import pytest

from posembed import extend_checkpoint, plan_extension
from posembed.errors import InvalidArgumentError, ModelCheckError
from posembed.extension.check import session
from posembed.extension.check.session import NoCheck, open_check

pytestmark = pytest.mark.model_check


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_copy_that_loads(small_model, tmp_path):
    """Nothing of the library is imported by the process that asks."""
    code = (
        "import json, sys; from posembed import extend_checkpoint\n"
        "plan = extend_checkpoint(sys.argv[1], sys.argv[2], 64)\n"
        "assert plan.to_dict()['checked'] == plan.checked.to_dict()\n"
        "print(json.dumps([plan.checked.to_dict(), 'torch' in sys.modules, 'transformers' in sys.modules]))"
    )
    call = [sys.executable, "-c", code, str(small_model("bert")), str(tmp_path / "out")]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    checked, *imported = json.loads(done.stdout)
    assert (checked["outcome"], checked["reason"]) == ("loads", "")
    assert checked["what"].startswith("BertForMaskedLM of transformers ")
    assert checked["seconds"] > 0
    assert imported == [False, False]


def test_a_copy_that_does_not_load(small_model, tmp_path, monkeypatch):
    monkeypatch.setattr("posembed.extension.plan.config_changes", lambda *_: iter(()))
    with pytest.raises(ModelCheckError, match=r"has shape \[64, 32\] in the weights, but the model .* has \[32, 32\]"):
        extend_checkpoint(small_model("bert"), tmp_path / "out", 64)
    assert names(tmp_path) == ["bert"]


def test_a_process_that_hangs_is_ended(small_model, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "LOAD_SECONDS", 0.2)
    monkeypatch.setattr(session, "_PROGRAM", "import time; time.sleep(600)")
    plan = plan_extension(small_model("bert"), 64)
    with open_check(plan, "auto") as check:
        checked = check.verdict(tmp_path)
        process = check._process
    assert (checked.outcome, checked.reason) == ("not checked", "no answer about the source within 0.2 seconds")
    assert process.returncode is not None


def test_a_process_that_dies_is_reported(small_model, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "_PROGRAM", "import sys; sys.exit('out of luck')")
    plan = plan_extension(small_model("bert"), 64)
    with open_check(plan, "load") as check:
        checked = check.verdict(tmp_path)
    assert checked.outcome == "not checked"
    assert checked.reason == "the process that checks ended with 1 while it read the source: out of luck"


def test_nothing_is_left_of_an_interrupted_check(small_model):
    plan = plan_extension(small_model("bert"), 64)
    before = threading.active_count()
    context = open_check(plan, "auto")
    process = context.__enter__()._process
    assert context.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None) is not True
    assert process.returncode is not None
    assert threading.active_count() == before


def test_the_process_ends_with_the_one_that_asked():
    """Killed outright, the parent ends nothing; the child sees that its questions are over."""
    child = subprocess.Popen(
        [sys.executable, "-c", session._PROGRAM, json.dumps(sys.path)], stdin=subprocess.PIPE, env=dict(os.environ)
    )
    child.stdin.close()
    assert child.wait(timeout=500) == 0


def test_no_connection_is_opened():
    code = (
        "import socket, sys; from posembed.extension.check.child import _refuse_connections\n"
        "sys.addaudithook(_refuse_connections)\n"
        "try: socket.create_connection(('127.0.0.1', 9), timeout=1)\n"
        "except OSError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the check opens no network connection\n"


def test_no_check(tmp_path):
    assert NoCheck().verdict(tmp_path).sentence == "not checked whether the copy loads: the check is off"


def test_the_level_is_one_of_four(small_model, tmp_path):
    with pytest.raises(InvalidArgumentError, match="check='all' must be one of auto, load, run, off"):
        extend_checkpoint(small_model("bert"), tmp_path / "out", 64, check="all")
