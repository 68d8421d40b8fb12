"""Errors of servers and of the libraries that ask them, each as one sentence with the exit code that fits."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from posembed.checkpoint.remote.address import HubAddress, redacted
from posembed.errors import CheckpointError, InvalidArgumentError, PosembedError, WorkFailedError, first_line

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # a server that may answer when asked again
_NOT_THERE = (404, 410)
_FIRST_STATUS = 100  # aiohttp puts 0 where no answer led to an error


class NoRangesError(WorkFailedError):
    """A server that sends whole files only."""


def status_of(error: BaseException) -> int | None:
    """Return the status of the server's answer, if one led to an error."""
    for each in _chain(error):
        if _is_a(each, "HttpProcessingError"):  # aiohttp's of an answer cut off, which it numbers 400 itself
            continue
        holder = getattr(each, "response", None) or each  # of httpx; aiohttp's and gcsfs' errors say it themselves
        for name in ("status", "status_code", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and value >= _FIRST_STATUS:
                return value
    return None


def may_pass(error: BaseException) -> bool:
    """Return whether the same request may succeed a moment later."""
    status = status_of(error)
    if status is not None:
        return status in _AGAIN
    return _is_of_connection(error) and not any(isinstance(each, socket.gaierror) for each in _chain(error))


def is_missing(error: BaseException) -> bool:
    """Return whether the server said that there is no such file."""
    status = status_of(error)
    if status is not None:
        return status in _NOT_THERE
    redirects = any(_is_a(each, "TooManyRedirects") for each in _chain(error))
    return isinstance(error, FileNotFoundError) and not redirects and not _is_of_connection(error)


def refuse_request(shown: str, error: BaseException) -> PosembedError:
    """Return the error of a request for an address.

    Args:
        shown: the address, without secrets.
        error: what the library raised.
    """
    if isinstance(error, PosembedError):
        return error
    status, named = status_of(error), f"checkpoint={shown!r}"
    if is_missing(error):
        return InvalidArgumentError(f"{named} does not exist: check the address")
    if status in (401, 403, 407) or isinstance(error, PermissionError) or "credentials" in type(error).__name__.lower():
        return InvalidArgumentError(f"{named} may not be read ({_why(error)}): check your credentials and the address")
    if status is not None:
        return WorkFailedError(f"{named} cannot be read ({_why(error)}): try again later")
    if _is_of_connection(error):
        return WorkFailedError(f"{named} cannot be reached ({_why(error)}): check the address and the connection")
    return CheckpointError(f"{named} cannot be read ({_why(error)})")


def refuse_hub_request(address: HubAddress, endpoint: str, error: BaseException) -> PosembedError:
    """Return the error of a request to a hub for a model."""
    if isinstance(error, PosembedError):
        return error
    status, named = status_of(error), f"checkpoint={address.shown!r}"
    login = "log in with `hf auth login`, or set HF_TOKEN"
    if _is_a(error, "OfflineModeIsEnabled", "LocalEntryNotFoundError"):
        return InvalidArgumentError(
            f"{named} does not exist on this machine, neither as a path nor in the hub's cache, and offline mode is "
            "set: unset HF_HUB_OFFLINE, or name a directory or file"
        )
    if _is_a(error, "GatedRepoError"):
        return InvalidArgumentError(
            f"{named} is gated: accept its terms on {endpoint}/{address.repo}, then {login} of that account"
        )
    if _is_a(error, "RevisionNotFoundError"):
        return InvalidArgumentError(
            f"{named}: the model {address.repo} has no revision {address.revision or 'main'!r}: name a branch, tag or "
            "commit"
        )
    if status == 403 or _is_a(error, "DisabledRepoError"):
        return InvalidArgumentError(f"{named} may not be read on {endpoint}: its owner or your token does not allow it")
    if _is_a(error, "RepositoryNotFoundError") or status in (401, *_NOT_THERE):
        if address.is_name:
            return InvalidArgumentError(
                f"{named} does not exist: it is neither a path on this machine nor a model that {endpoint} shows you "
                f"(for a private one, {login})"
            )
        return InvalidArgumentError(f"{named} does not exist on {endpoint}, or is private: check the name, or {login}")
    if status is not None or not _is_of_connection(error):
        return WorkFailedError(f"{named} cannot be read from {endpoint} ({_why(error)}): try again later")
    if address.is_name:
        # A single word is a mistyped path more often than a model of the early days.
        kind = WorkFailedError if "/" in address.repo else InvalidArgumentError
        return kind(
            f"{named} does not exist on this machine, and {endpoint} cannot be reached to look for a model of that "
            f"name ({_why(error)}): check the path or the connection"
        )
    return WorkFailedError(f"{named}: {endpoint} cannot be reached ({_why(error)}): check the connection")


def _is_a(error: BaseException, *names: str) -> bool:
    """Return whether an error's class has one of the names, which are huggingface_hub's: it is not imported here."""
    return any(each.__name__ in names for each in type(error).__mro__)


def _why(error: BaseException) -> str:
    """Return the reason in a few words; a library's own text may hold addresses with secrets."""
    status = status_of(error)
    if status is not None:
        return f"the server answered {status}"
    for each in _chain(error):
        if _is_a(each, "TooManyRedirects"):
            return "its server redirects without end"
        if isinstance(each, socket.gaierror):
            return "its host name is unknown"
        if isinstance(each, ConnectionRefusedError):
            return "connection refused"
        if isinstance(each, TimeoutError) or "timeout" in type(each).__name__.lower():
            return "no answer in time"
        if isinstance(each, ConnectionError):
            return "the connection was closed"
    broken = ("ServerDisconnectedError", "ClientPayloadError", "RemoteProtocolError", "IncompleteRead")
    if any(_is_a(each, *broken) for each in _chain(error)):
        return "the connection was closed before the end"
    if "Name or service not known" in str(error) or "resolution" in str(error):
        return "its host name is unknown"
    return redacted(first_line(error))


def _is_of_connection(error: BaseException) -> bool:
    names = ("Connect", "Timeout", "Network", "Transport", "Disconnected", "Payload", "Protocol", "Endpoint")
    return any(
        isinstance(each, ConnectionError | TimeoutError | socket.gaierror)
        or any(word in kind.__name__ for kind in type(each).__mro__[:-2] for word in names)
        for each in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        inner = getattr(each, "os_error", None)  # of aiohttp's connector
        each = each.__cause__ or (inner if isinstance(inner, BaseException) else None) or each.__context__
