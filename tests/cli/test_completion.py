"""Shell completion: the scripts name options and choices, lists with commas are completed by the program."""

import subprocess

import pytest

from posembed.cli.app import app
from posembed.records.evaluate import TASK_NAMES


def completed(cli, *words):
    code, printed, _ = cli("__complete", *words)
    assert code == 0
    return printed.split("\x1fbegin\n")[1].split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_names_commands_options_and_choices(cli, tmp_path, shell):
    file = tmp_path / "script"
    code, printed, told = cli("--install-completion", "--shell", shell, "--output", file)
    assert (code, printed, told) == (0, "", f"posembed: wrote {file}: open a new shell to use it\n")
    script = file.read_text()
    for word in ("calibrate", "length-aware", "bf16", "sampled", "repeat-last", "decoder"):
        assert word in script, word


def test_bash_can_read_its_script(tmp_path):
    file = tmp_path / "script"
    file.write_text(app.generate_completion(shell="bash"))
    assert subprocess.run(["bash", "-n", file], capture_output=True).stderr == b""


def test_it_is_installed_where_the_shell_looks(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    code, _, told = cli("--install-completion", "--shell=bash")
    assert code == 0
    assert "posembed" in (tmp_path / ".bashrc").read_text()
    assert str(tmp_path) in told


def test_a_shell_that_cannot_be_told(cli, monkeypatch):
    from cyclopts.completion import detect

    def unknown():
        raise detect.ShellDetectionError

    monkeypatch.setattr(detect, "detect_shell", unknown)
    code, _, told = cli("--install-completion")
    assert (code, told) == (2, "posembed: the shell could not be detected: name it with --shell\n")


def test_lists_with_commas(cli):
    assert completed(cli, "evaluate", "model", "--tasks", "") == list(TASK_NAMES)
    others = [name for name in TASK_NAMES if name != "needle"]
    assert completed(cli, "evaluate", "model", "--tasks", "needle,") == [f"needle,{name}" for name in others]
