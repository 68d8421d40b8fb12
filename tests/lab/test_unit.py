"""The process of one unit, run here in this process: exit codes, messages, signals."""

import io
import json
import os
import signal
import sys

import pytest

from posembed.lab.train import run_unit
from posembed.lab.trainer import Trainer
from posembed.lab.unit import main
from posembed.storage import read_sealed_json, write_json


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def start(config, tmp_path, capsys):
    """Runs a unit of these settings in ``tmp_path / "unit"``; returns the exit code and the messages."""

    def run(**settings):
        write_json(tmp_path / "configuration.json", config(**settings).to_dict())
        code = main(str(tmp_path / "configuration.json"), str(tmp_path / "unit"))
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def at_step(monkeypatch, step, act):
    update = Trainer.update

    def acting(trainer):
        if trainer.step == step:
            act()
        return update(trainer)

    monkeypatch.setattr(Trainer, "update", acting)


def test_a_unit_that_finishes(start, config, tmp_path, untimed):
    code, messages = start()
    assert code == 0
    assert [m["phase"] for m in messages] == ["training"] * 4 + ["evaluating", "finished"]
    assert messages[-1] == {"phase": "finished", "message": "", "step": 12}
    written = read_sealed_json(tmp_path / "unit" / "result.json")
    assert untimed(written) == untimed(run_unit(config(), tmp_path / "other").to_dict())


def test_a_unit_that_diverges_is_done_all_the_same(start):
    code, messages = start(learning_rate=1e30, evaluations=0)
    assert code == 0
    assert messages[-1] == {"phase": "non-finite", "message": "the loss became nan at step 2 of 12", "step": 12}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends(start, config, tmp_path, monkeypatch, untimed, number):
    at_step(monkeypatch, 6, lambda: signal.raise_signal(number))
    code, messages = start()
    assert code == 130
    text = "stopped at step 7 of 12; the work so far is saved"
    assert messages[-1] == {"phase": "failed", "message": text, "interrupted": True}
    assert (tmp_path / "unit" / "checkpoint.pt").exists()
    code, messages = start()
    assert code == 0
    assert messages[0]["step"] == 8
    written = read_sealed_json(tmp_path / "unit" / "result.json")
    assert untimed(written) == untimed(run_unit(config(), tmp_path / "other").to_dict())


def test_a_unit_that_nobody_listens_to_saves_and_ends(start, tmp_path, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with monkeypatch.context() as patch, os.fdopen(writer, "w") as unheard:
        patch.setattr(sys, "stdout", unheard)
        code, _ = start()
    assert code == 130
    assert (tmp_path / "unit" / "checkpoint.pt").exists()
    assert not (tmp_path / "unit" / "result.json").exists()
    assert start()[1][0]["step"] > 4  # the look at step 4 is where it found out


def test_what_posembed_refuses_is_told_in_one_message(start, tmp_path):
    code, messages = start(data=str(tmp_path / "nowhere"))
    assert code == 2
    assert len(messages) == 1
    assert messages[0]["phase"] == "failed"
    assert messages[0]["interrupted"] is False
    assert "nowhere': no such file or directory" in messages[0]["message"]


def test_a_fault_of_our_own_is_not_hidden(start, monkeypatch):
    monkeypatch.setattr(Trainer, "update", lambda _: io.StringIO().no_such_attribute)
    with pytest.raises(AttributeError, match="no_such_attribute"):
        start()
