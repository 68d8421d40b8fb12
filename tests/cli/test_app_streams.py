"""Standard streams that are closed, full or without a reader end in an exit code, not in a traceback."""

import os
import subprocess
import sys

import pytest

FULL = "/dev/full"  # every write there fails: no space left


def run(shell, tmp_path):
    """The exit code of the command in ``$P``, and all that was printed where it can be seen."""
    seen = tmp_path / "seen"
    script = f'exec 9>"{seen}"; ( {shell}; echo "code $?" >&9 ) 2>&9'
    environment = os.environ | {"P": f"{sys.executable} -m posembed"}
    subprocess.run(["bash", "-c", script], env=environment, timeout=120, check=False, stdin=subprocess.DEVNULL)
    text = seen.read_text()
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    return text


@pytest.mark.parametrize(
    "words", ["inspect {bert} --json", "extend {bert} {bert}-long --to 32 --check off", "extend --help"]
)
def test_standard_output_cannot_be_written(words, bert, tmp_path):
    command = f"$P {words.format(bert=bert)}"
    full = run(f"{command} > {FULL}", tmp_path)
    assert full.endswith("code 1\n")
    assert "no space left on device" in full
    assert run(f"{command.replace('-long', '-other')} > {FULL} 2>&1", tmp_path) == "code 1\n"
    assert run(f"{command.replace('-long', '-third')} <&- >&- 2>&-", tmp_path) == "code 0\n"


@pytest.mark.parametrize("words", ["inspect {bert}", "--help", "extend {bert} x --to 32 --dry-run"])
def test_nobody_reads_standard_output(words, bert, tmp_path):
    """A reader that is gone before the first line."""
    command = f"$P {words.format(bert=bert)}"
    text = run(f"( sleep 0; {command}; echo inner $? >&9 ) | true; sleep 0", tmp_path)
    assert "posembed: standard output" not in text


def test_wrong_calls_keep_their_code(bert, tmp_path):
    assert run(f"$P inspect {bert}/none > {FULL} 2>&1", tmp_path) == "code 2\n"
    assert run(f"$P extend {bert} x --to 8 2>&-", tmp_path) == "code 2\n"
