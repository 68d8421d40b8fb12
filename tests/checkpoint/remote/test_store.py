"""Requests are sent again where that can help, and bytes come in pieces."""

import io

import pytest

from posembed.checkpoint.remote import store
from posembed.checkpoint.remote.faults import NoRangesError
from posembed.checkpoint.remote.store import again, read_range
from posembed.errors import InvalidArgumentError, WorkFailedError

pytestmark = pytest.mark.usefixtures("patient")


def test_a_request_that_fails_for_a_moment_is_sent_again():
    answers = iter([ConnectionResetError(), TimeoutError(), 7])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert again(ask, "x") == 7


@pytest.mark.parametrize(
    ("error", "kind", "times"),
    [(ConnectionResetError(), WorkFailedError, 4), (FileNotFoundError(), InvalidArgumentError, 1)],
)
def test_and_not_for_ever(error, kind, times):
    asked = []

    def ask():
        asked.append(1)
        raise error

    with pytest.raises(kind):
        again(ask, "x")
    assert len(asked) == times


def test_bytes_come_in_pieces(monkeypatch):
    monkeypatch.setattr(store, "PIECE", 10)
    opened = []

    def open_file():
        opened.append(1)
        return io.BytesIO(bytes(range(100)))

    assert read_range(open_file, 5, 40, "x") == bytes(range(5, 40))
    assert len(opened) == 4


def test_a_file_that_ends_early_is_no_content():
    with pytest.raises(WorkFailedError, match="connection was closed"):
        read_range(lambda: io.BytesIO(b"short"), 0, 10, "x")


def test_a_server_of_whole_files_is_named():
    def open_file():
        raise ValueError("The HTTP server doesn't appear to support range requests.")

    with pytest.raises(NoRangesError, match=r"sends whole files only .*download it and name the copy"):
        read_range(open_file, 8, 10, "https://example.org/m")
