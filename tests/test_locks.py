"""A lock belongs to whoever lives, and to nobody else."""

import errno
import os
import subprocess
import sys

import pytest

from posembed.locks import is_still, lock_of_dead, locked

HOLD = """
import os, sys
from posembed.locks import locked
held = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
assert locked(held)
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lock_of_a_live_process_cannot_be_taken_and_that_of_a_dead_one_can(tmp_path):
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, lock], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout.readline() == "held\n"
        assert lock_of_dead(lock) is None
        process.kill()
    held = lock_of_dead(lock)
    assert held is not None
    assert lock_of_dead(lock) is None  # now it is this process's
    os.close(held)


def test_a_lock_that_another_process_removed_is_no_lock(tmp_path):
    lock = tmp_path / "lock"
    held = os.open(lock, os.O_RDWR | os.O_CREAT)
    assert is_still(lock, held)
    lock.unlink()
    assert not is_still(lock, held)
    lock.touch()
    assert not is_still(lock, held)
    os.close(held)


def test_links_are_not_followed_and_what_cannot_be_opened_is_left_alone(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert lock_of_dead(tmp_path / "link") is None
    assert lock_of_dead(tmp_path / "missing" / "lock") is None
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("number", "answer"), [(errno.EWOULDBLOCK, False), (errno.EACCES, False), (errno.ENOLCK, None)]
)
def test_where_files_cannot_be_locked_nobody_knows(tmp_path, monkeypatch, number, answer):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    held = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    assert locked(held) is answer
    assert lock_of_dead(tmp_path / "lock") is None
    os.close(held)
