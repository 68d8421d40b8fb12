"""`posembed quiz` by pipe and by keyboard (a real pseudo-terminal), with wrong answers, an early end and Ctrl-C."""

import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest


@pytest.fixture
def piped(cli, monkeypatch):
    def call(text, *options):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return cli("quiz", *options)

    return call


def test_right_answers_by_pipe(piped):
    code, printed, told = piped("\n".join("BBBBBBCB"))
    assert (code, told) == (0, "")
    assert printed.count(" – right") == 8
    assert printed.rstrip().endswith("Score: 8 of 8")
    assert "→ 393,216" in printed


def test_wrong_answers_by_pipe(piped):
    code, printed, told = piped("a\nB\n\nb\nwhat\nd\nb\nb\nc\n2\n")
    assert code == 0
    assert "A – no: B is right" in printed
    assert told == "posembed: 'what' is not an answer to question 4: A, B, C or D (or 1 to 4)\n"
    assert printed.rstrip().endswith("Score: 6 of 8")


def test_json_alone_is_on_standard_output(piped):
    code, printed, told = piped("\n".join("BBBBBBBB"), "--json")
    read = json.loads(printed)
    assert (code, read["score"], len(read["answers"])) == (0, 7, 8)
    assert "Score: 7 of 8" in told


@pytest.mark.parametrize(("text", "number"), [("", 1), ("b\nb\n", 3)])
def test_an_early_end_is_one_sentence(piped, text, number):
    code, _, told = piped(text)
    assert code == 1
    assert told.startswith(f"posembed: the input ended before question {number} of 8")
    assert len(told.strip().splitlines()) == 1


def test_a_closed_input_is_one_sentence(cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    code, _, told = cli("quiz")
    assert (code, told.strip().splitlines()) == (1, [told.strip()])
    assert "standard input is closed" in told


def test_questions_that_cannot_be_seen_are_answered_by_lines(cli, monkeypatch):
    """A keyboard, but the output goes to a file: nobody would see what the keys choose."""
    source = io.StringIO("\n".join("BBBBBBCB"))
    source.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", source)
    code, printed, _ = cli("quiz")
    assert code == 0
    assert printed.rstrip().endswith("Score: 8 of 8")


def by_keyboard(keys):
    """Run the quiz in a terminal of its own and press keys, each when the question before it stands there."""
    main, child = pty.openpty()
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heard}; from posembed.cli.app import main; main()", "quiz"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        command, stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True, close_fds=True
    ) as process:
        os.close(child)
        seen, waiting, end = "", list(keys), time.monotonic() + 90
        while time.monotonic() < end:
            if select.select([main], [], [], 0.1)[0]:
                try:
                    seen += os.read(main, 65536).decode(errors="replace")
                except OSError:
                    break
            elif waiting and f"{9 - len(waiting) if len(keys) == 8 else 1} of 8." in seen:
                os.write(main, waiting.pop(0))
            elif process.poll() is not None and not select.select([main], [], [], 0.3)[0]:
                break
        process.kill()
        code = process.wait()
    os.close(main)
    return code, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)


def test_letters_and_arrow_keys():
    keys = [b"b", b"\x1b[B\r", b"2", b"\x1b[A\x1b[A\x1b[A\r", b"B", b"b", b"\x1b[B\x1b[B\r", b"\x1b[B\r"]
    code, seen = by_keyboard(keys)
    assert code == 0
    assert "Score: 8 of 8" in seen
    assert "> C  393,216" in seen


@pytest.mark.parametrize(("key", "sentence", "expected"), [(b"\x03", "stopped", 130), (b"\x04", "the input ended", 1)])
def test_ctrl_c_and_the_end_of_input(key, sentence, expected):
    code, seen = by_keyboard([key])
    assert code == expected
    assert sentence in seen
    assert "Traceback" not in seen
