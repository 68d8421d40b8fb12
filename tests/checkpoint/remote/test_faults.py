"""Each error of a library becomes one sentence with the exit code that fits."""

import socket

import pytest

from posembed.checkpoint.remote.address import HubAddress
from posembed.checkpoint.remote.faults import is_missing, may_pass, refuse_hub_request, refuse_request, status_of


class ClientResponseError(Exception):
    def __init__(self, status):
        super().__init__("GET https://a:secret@example.org?sig=secret")
        self.status = status


class HttpProcessingError(Exception):
    code = 400


class TooManyRedirects(ClientResponseError):
    pass


class ClientPayloadError(Exception):
    pass


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (caused(FileNotFoundError("x"), ClientResponseError(404)), 2, "does not exist"),
        (FileNotFoundError("bucket/x"), 2, "does not exist"),
        (ClientResponseError(403), 2, "may not be read (the server answered 403)"),
        (PermissionError("denied"), 2, "may not be read"),
        (ClientResponseError(503), 1, "cannot be read (the server answered 503)"),
        (
            caused(FileNotFoundError("x"), ConnectionRefusedError(111, "refused")),
            1,
            "cannot be reached (connection ref",
        ),
        (socket.gaierror(-2, "unknown"), 1, "cannot be reached (its host name is unknown)"),
        (TimeoutError(), 1, "no answer in time"),
        (ConnectionResetError(104, "reset"), 1, "the connection was closed"),
        (caused(ClientPayloadError(), HttpProcessingError()), 1, "the connection was closed before the end"),
        (TooManyRedirects(0), 1, "cannot be read (its server redirects without end)"),
        (ValueError("odd: https://a:secret@example.org"), 1, "odd: https://***@example.org"),
    ],
)
def test_sentences_and_exit_codes(error, code, said):
    result = refuse_request("https://example.org/m", error)
    assert result.exit_code == code
    assert said in str(result)
    assert "secret" not in str(result)
    assert "\n" not in str(result)


def test_which_requests_are_worth_another_attempt():
    cut = caused(ClientPayloadError(), HttpProcessingError())
    again = (ClientResponseError(503), ClientResponseError(429), ConnectionResetError(), TimeoutError(), cut)
    never = (ClientResponseError(404), ClientResponseError(401), socket.gaierror(-2, "unknown"), ValueError())
    assert [may_pass(error) for error in again] == [True] * 5
    assert [may_pass(error) for error in never] == [False] * 4


def test_a_missing_file_is_told_from_a_lost_connection():
    assert is_missing(caused(FileNotFoundError(), ClientResponseError(404)))
    assert not is_missing(caused(FileNotFoundError(), ConnectionResetError()))
    assert not is_missing(caused(FileNotFoundError(), TooManyRedirects(0)))
    assert status_of(ValueError()) is None


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("GatedRepoError", 2, "'org/model' is gated: accept its terms on https://hub/org/model"),
        ("RepositoryNotFoundError", 2, "does not exist on https://hub, or is private"),
        ("RevisionNotFoundError", 2, "has no revision 'main'"),
        ("OfflineModeIsEnabled", 2, "offline mode is set"),
        ("ConnectError", 1, "https://hub cannot be reached"),
        ("HfHubHTTPError", 1, "cannot be read from https://hub"),
    ],
)
def test_what_a_hub_says(kind, code, said):
    error = refuse_hub_request(
        HubAddress("org/model"), "https://hub", type(kind, (Exception,), {})("token hf_secret123")
    )
    assert (error.exit_code, "hf_secret" in str(error)) == (code, False)
    assert said in str(error)


def test_a_name_may_be_a_mistyped_path():
    lost = type("ConnectError", (Exception,), {})()
    word, pair = (HubAddress(name, is_name=True) for name in ("bert", "runs/bert"))
    assert "does not exist on this machine, and https://hub cannot be reached" in str(
        refuse_hub_request(word, "https://hub", lost)
    )
    assert [refuse_hub_request(each, "https://hub", lost).exit_code for each in (word, pair)] == [2, 1]
    missing = type("RepositoryNotFoundError", (Exception,), {})()
    assert "neither a path on this machine nor a model" in str(refuse_hub_request(word, "https://hub", missing))
