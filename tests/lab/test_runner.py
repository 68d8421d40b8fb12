import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import posembed
from posembed.commands.compare import compare
from posembed.errors import WorkInterruptedError
from posembed.lab import runner
from posembed.lab.runner import run_units
from posembed.lab.train import run_unit
from posembed.observer import Callbacks

LONG = {"steps": 10**7, "evaluations": 0}


@pytest.fixture
def processes(monkeypatch):
    """The units' processes by name, as they are started."""
    started = {}
    start = runner._start

    def noted(config, folder, put):
        started[config.name] = start(config, folder, put)
        return started[config.name]

    monkeypatch.setattr(runner, "_start", noted)
    return started


def test_a_unit_that_is_killed_or_refused_does_not_stop_the_others(config, tmp_path, processes):
    units = [
        config(encoding="learned", **LONG),
        config(encoding="rope", data=str(tmp_path / "nowhere")),
        config(encoding="none"),
    ]
    told = []

    def kill(update):
        told.append((update.name, update.phase))
        if update.name == "learned-seed0" and update.phase == "training":
            processes[update.name].kill()

    failures = run_units(units, tmp_path, 2, Callbacks(progress=kill))
    log = tmp_path / "learned-seed0" / "log.txt"
    assert failures.pop("learned-seed0") == f"the process was killed by signal 9 (see {log})"
    assert failures.pop("rope-seed0") == (
        f"data={str(tmp_path / 'nowhere')!r}: no such file or directory; give a text file, a directory, or stdlib"
    )
    assert failures == {}
    assert (tmp_path / "none-seed0" / "result.json").exists()
    assert ("none-seed0", "finished") in told
    assert ("learned-seed0", "failed") in told
    assert ("rope-seed0", "failed") in told
    assert all(process.poll() is not None for process in processes.values())
    assert json.loads((tmp_path / "none-seed0" / "configuration.json").read_text()) == units[2].to_dict()


def test_ctrl_c_lets_running_units_save(config, tmp_path, processes):
    units = [config(encoding="learned", **LONG), config(encoding="none", **LONG)]

    def interrupt(update):
        if update.phase == "training":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_units(units, tmp_path, 1, Callbacks(progress=interrupt))
    assert list(processes) == ["learned-seed0"]  # the other was never started
    assert processes["learned-seed0"].poll() == 130
    assert torch.load(tmp_path / "learned-seed0" / "checkpoint.pt", weights_only=True)["step"] >= 10


def test_an_observer_that_asks_to_stop_lets_running_units_save(config, tmp_path, processes):
    seen = []
    observer = Callbacks(progress=lambda update: seen.append(update.done), should_stop=lambda: len(seen) > 1)
    with pytest.raises(KeyboardInterrupt):
        run_units([config(encoding="none", **LONG)], tmp_path, 1, observer)
    assert processes["none-seed0"].poll() == 130
    assert torch.load(tmp_path / "none-seed0" / "checkpoint.pt", weights_only=True)["step"] >= 20


def test_a_unit_that_resumes_an_older_checkpoint_says_so(config, tmp_path):
    """Its process has no terminal: the warning comes through the observer, with the unit's name."""
    unit = config(encoding="none")
    file = tmp_path / "none-seed0" / "checkpoint.pt"
    file.parent.mkdir()
    for _ in range(2):  # stopped twice, so that there is a state before the last one
        with pytest.raises(WorkInterruptedError):
            run_unit(unit, file.parent, should_stop=lambda: True)
    file.write_bytes(b"")
    told = []
    assert run_units([unit], tmp_path, 1, Callbacks(message=told.append)) == {}
    (warning,) = told
    assert warning.startswith(f"none-seed0: {file} is damaged (it cannot be read: ")
    assert f"resuming from {file}.previous, saved at step " in warning


def test_why_names_the_last_line_of_the_log(tmp_path):
    (tmp_path / "log.txt").write_bytes(b"Traceback\n  a line\nMemoryError: \xff no room\n\n")
    text = f"the process ended with code 1: MemoryError: \ufffd no room (see {tmp_path / 'log.txt'})"
    assert runner._why(tmp_path, 1) == text
    (tmp_path / "log.txt").write_bytes(b"")
    assert runner._why(tmp_path, -11) == f"the process was killed by signal 11 (see {tmp_path / 'log.txt'})"


@pytest.mark.usefixtures("units_here")
def test_a_run_stopped_by_ctrl_c_and_resumed_gives_the_same_results(cli, corpus_dir, tmp_path, untimed, monkeypatch):
    """What is stopped are the command and its unit, two processes; it is resumed and done anew in this one."""
    sizes = {
        "train_length": 16,
        "d_model": 16,
        "layers": 1,
        "heads": 2,
        "batch_size": 4,
        "steps": 600,
        "learning_rate": 0.002,
    }
    options = [f"--{name.replace('_', '-')}={value}" for name, value in sizes.items()]
    # A shell's background job ignores Ctrl-C, and so would its children: the tests may be one.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; from posembed.cli.app import main; main()"
    words = ["compare", "--data", str(corpus_dir)]
    words += [*options, "--encodings=learned", "--precision=fp32", "--no-plots", "--out=run"]
    command = [sys.executable, "-c", code, *words]
    environment = os.environ | {"PYTHONPATH": str(Path(posembed.__file__).parent.parent)}
    settings = {"cwd": tmp_path, "env": environment, "stderr": subprocess.PIPE, "text": True}

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, **settings) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "-seed0 10/600 loss" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    sentence = "stopped; the work so far is in run: resume it with --resume\n"
    assert lines[-1] == f"posembed: {sentence}"
    assert not any("Traceback" in line for line in lines)
    assert not (tmp_path / "run" / "results.json").exists()
    saved = torch.load(tmp_path / "run" / "units" / "learned-seed0" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < saved < 600

    monkeypatch.chdir(tmp_path)
    ended, _, told = cli(*words, "--resume")
    assert ended == 0, told
    first = next(line for line in told.splitlines() if line.startswith("learned-seed0"))
    assert int(first.split()[1].split("/")[0]) > saved
    whole = compare(str(corpus_dir), encodings=("learned",), precision="fp32", out=tmp_path / "whole", **sizes)
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert untimed(found) == untimed(whole.to_dict())
    tables = [tmp_path / name / "tables" / "learned-seed0.safetensors" for name in ("run", "whole")]
    assert tables[0].read_bytes() == tables[1].read_bytes()
