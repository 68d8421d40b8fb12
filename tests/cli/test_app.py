"""The program: version, help, exit codes, interruption, closed streams, and what starting it imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import posembed
from posembed.cli.app import COMMANDS, app

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(posembed.__file__).parent.parent)}
PROGRAM = [sys.executable, "-c", "from posembed.cli.app import main; main()"]


def test_the_version(cli):
    assert cli("--version") == (0, f"posembed {posembed.__version__}\n", "")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_help_lists_the_commands(cli, flag):
    code, printed, told = cli(flag)
    assert (code, told) == (0, "")
    for name, text in COMMANDS.items():
        assert name in printed
        assert text.split(",")[0][:40] in printed


def test_without_a_word_the_help_is_printed_and_nothing_was_asked_for(cli):
    code, printed, told = cli()
    assert (code, told) == (2, "")
    assert "compare" in printed


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_help_of_a_command_lists_its_options(cli, name, flag):
    code, printed, told = cli(name, flag)
    assert (code, told) == (0, "")
    assert printed.startswith(f"Usage: posembed {name}")
    for option in app[name].assemble_argument_collection():
        assert option.parameter.help, option.names
        for word in option.names:
            assert word in printed


def test_choices_and_defaults_are_in_the_help(cli):
    for name, shown in {
        "compare": ["[choices: auto, bf16, fp32] [default: auto]", "learned-from-sinusoid]", "[default: 0.003]"],
        "extend": ["[choices: linear, cubic]", "[choices: sampled, full]", "repeat-last, mean, zeros"],
        "evaluate": [
            "[choices: title, section, needle, paragraph, cloze, passkey]",
            "[default: auto]",
        ],
        "calibrate": ["Requires --to.", "[default: 50]", "[required]"],
    }.items():
        printed = " ".join(cli(name, "--help")[1].replace("│", " ").split())
        for text in shown:
            assert text in printed, text


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_help_imports_no_library_that_computes(name):
    """Processor time depends on the machine; what is imported does not."""
    code = (
        "import sys\nfrom posembed.cli.app import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(len(sys.modules), *sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    words = [name, "--help"] if name else ["--help"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=ENVIRONMENT)
    count, *modules = done.stderr.split()
    computing = {"torch", "transformers", "numpy", "scipy", "ml_dtypes", "safetensors", "matplotlib", "plotly"}
    assert computing.isdisjoint(modules)
    assert int(count) < 350  # 285 when this was written; typer with the old modules had 390


def test_ctrl_c_is_one_sentence(cli, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("posembed.commands.compare.compare", interrupted)
    code, printed, told = cli("compare")
    assert (code, printed) == (130, "")
    assert told.splitlines()[-1] == "posembed: stopped"
    assert "Traceback" not in told


def test_an_error_of_the_system_is_one_sentence(cli, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "out")

    monkeypatch.setattr("posembed.commands.extend.prepare_extension", full)
    code, printed, told = cli("extend", "model", "out", "--to=32")
    assert (code, printed, told) == (1, "", "posembed: out: no space left on device\n")


def test_library_messages_name_the_options(cli, monkeypatch):
    def wrong(*_, **__):
        raise posembed.errors.InvalidArgumentError("length=32 and `table_grid` exclude each other; checkpoint='a'")

    monkeypatch.setattr("posembed.commands.extend.prepare_extension", wrong)
    code, _, told = cli("extend", "a", "out", "--to=32")
    assert (code, told) == (2, "posembed: --to 32 and --table-grid exclude each other; CHECKPOINT 'a'\n")


@pytest.mark.parametrize("words", [["quiz"], ["compare", "--help"]])
def test_a_reader_that_goes_away_gets_no_traceback(words):
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [*PROGRAM, *words], stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        os.close(writing)
        _, told = process.communicate(b"b\n" * 8, timeout=500)
    assert process.returncode == 1
    assert told == b""


@pytest.mark.parametrize(("closed", "told"), [(">&-", "CHECKPOINT 'x' does not exist"), (">&- 2>&-", "")])
def test_closed_streams_change_no_exit_code(closed, told, tmp_path):
    command = f'"$0" "$@" inspect x {closed}'
    done = subprocess.run(
        ["sh", "-c", command, *PROGRAM], capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_python_m_posembed_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "posembed", "--version"], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.stdout == f"posembed {posembed.__version__}\n"


def test_the_installed_script_of_0_1_still_starts():
    """It imports the entry point from the package itself."""
    code = "import sys; from posembed.cli import main; sys.argv = ['posembed', '--version']; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (0, f"posembed {posembed.__version__}\n")


def test_too_little_memory_is_one_sentence(cli, monkeypatch):
    def huge(*_, **__):
        raise MemoryError("Unable to allocate 7.28 TiB")

    monkeypatch.setattr("posembed.commands.extend.prepare_extension", huge)
    code, printed, told = cli("extend", "model", "out", "--to=32")
    assert (code, printed, told) == (1, "", "posembed: not enough memory: Unable to allocate 7.28 TiB\n")


def test_windows_is_refused(cli, monkeypatch):
    from posembed.cli import app

    monkeypatch.setattr(app.os, "name", "nt")
    code, out, err = cli("inspect", "model")
    assert (code, out) == (2, "")
    assert err.startswith("posembed: the command line needs Linux or macOS: on Windows, run it in WSL.")
