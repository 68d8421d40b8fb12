"""Every exception that posembed raises on purpose, in one tree.

.. code-block:: text

    PosembedError                      .exit_code: the exit code of the command line
    ├── InvalidArgumentError           (ValueError)    an invalid argument or combination    2
    │   ├── ArgumentTypeError          (TypeError)     an argument of the wrong type         2
    │   ├── DataError                  (ValueError)    the texts cannot be used              2
    │   └── ResultsConflictError       (ValueError)    the output folder holds other work    2
    ├── PositionOutOfRangeError        (IndexError)    a position without a row              2
    ├── StateDictError                 (RuntimeError)  weights that do not fit the module    1
    ├── CheckpointError                (RuntimeError)  a broken or unsafe checkpoint         1
    ├── MissingExtraError              (ImportError)   an optional package is not installed  2
    ├── WorkFailedError                (RuntimeError)  a valid call failed                   1
    │   ├── ModelCheckError            (RuntimeError)  the written copy does not load        1
    │   └── NoBetterMethodError        (RuntimeError)  no extension is worth writing         1
    └── WorkInterruptedError           (RuntimeError)  stopped by the user, can be resumed 130

Each message names the argument, the value received, the values allowed, and what to do next.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence

# A path is rarely longer than 400 characters, a tensor's name than 200; a file from elsewhere may hold names of a
# megabyte. The longest sentence of posembed's own has some 600 characters.
_LONGEST_WORD = 400
_LONGEST_MESSAGE = 4000


def shortened(text: str) -> str:
    """Return a message in which words of more than 400 characters, and the whole beyond 4,000, are cut in the middle.

    Example:
        >>> len(shortened("tensor " + "a" * 100_000 + " is too long"))
        320
        >>> shortened("tensor wpe.weight")
        'tensor wpe.weight'
    """
    if len(text) <= _LONGEST_WORD:
        return text
    text = re.sub(rf"\S{{{_LONGEST_WORD},}}", lambda word: _cut(word[0], 3 * _LONGEST_WORD // 4), text)
    return _cut(text, _LONGEST_MESSAGE) if len(text) > _LONGEST_MESSAGE else text


_SHOWN_AS: dict[str, str] = {}


def show_as(text: str, shown: str) -> None:
    """Let messages have other words for a text: the address of a checkpoint for the folder that stands for it.

    Example:
        >>> show_as("/tmp/posembed-1/checkpoint", "org/model")
        >>> str(CheckpointError("/tmp/posembed-1/checkpoint/config.json: is not valid JSON"))
        'org/model/config.json: is not valid JSON'
    """
    _SHOWN_AS[text] = shown


def first_names(names: Sequence[str], most: int) -> str:
    """Return the first names of a list, and how many more there are.

    Example:
        >>> first_names(["a", "b", "c"], 2), first_names(["a"], 2)
        ('a, b and 1 more', 'a')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _cut(text: str, length: int) -> str:
    return f"{text[: 2 * length // 3]}…{text[-length // 3 :]}"


class PosembedError(Exception):
    """The root of every exception that posembed raises on purpose; names that fill a page are cut in its message."""

    exit_code = 1

    def __str__(self) -> str:  # not in __init__, which torch.compile would have to trace
        text = super().__str__()
        for found, shown in _SHOWN_AS.items():
            text = text.replace(found, shown)
        return shortened(text)


class InvalidArgumentError(PosembedError, ValueError):
    """An invalid argument, or an invalid combination of arguments."""

    exit_code = 2


class ArgumentTypeError(InvalidArgumentError, TypeError):
    """An argument of the wrong type."""


class DataError(InvalidArgumentError):
    """Texts that are missing, empty, too short or not text."""


class ResultsConflictError(InvalidArgumentError):
    """An output folder that holds other work."""


class PositionOutOfRangeError(PosembedError, IndexError):
    """A position that has no row in the table."""

    exit_code = 2


class StateDictError(PosembedError, RuntimeError):
    """A state dict whose names, shapes or dtypes do not fit the module."""


class CheckpointError(PosembedError, RuntimeError):
    """A checkpoint file that is broken, unsafe or incomplete."""


# How torch's message begins for a pickle of other objects. The rest tells the reader to load it all the same, which
# runs whatever the file says.
_WEIGHTS_ONLY = "Weights only load failed"


def first_line(error: BaseException) -> str:
    r"""Return the first line of another library's error message, or the error's type if it has no message.

    Example:
        >>> first_line(KeyError()), first_line(ValueError("no such layer\nin the model"))
        ('KeyError', 'no such layer')
    """
    said = str(error)
    if said.startswith(_WEIGHTS_ONLY):
        return "the file is damaged, or holds other objects than weights, which are not loaded"
    return next((line for line in said.splitlines() if line.strip()), type(error).__name__)


def class_and_line(error: BaseException) -> str:
    """Return an error's class and the first line of its message, for errors of libraries.

    Example:
        >>> class_and_line(KeyError("embeddings"))
        "KeyError: 'embeddings'"
    """
    return f"{type(error).__name__}: {first_line(error)}"


def os_reason(error: OSError) -> str:
    """Return an error of the operating system as one sentence: the file, and what the system says.

    Example:
        >>> os_reason(PermissionError(13, "Permission denied", "/data/out")), os_reason(OSError(28, "No space left"))
        ('/data/out: permission denied', 'no space left')
    """
    said = (error.strerror or first_line(error)).lower()
    return f"{os.fsdecode(error.filename)}: {said}" if isinstance(error.filename, str | bytes) else said


class MissingExtraError(PosembedError, ImportError):
    """An optional package that is not installed; the message gives the command that installs it."""

    exit_code = 2

    def __init__(self, module: str, extra: str, purpose: str) -> None:
        super().__init__(
            f'{purpose} needs the package {module!r}, which is not installed: run  pip install "posembed[{extra}]"'
        )


def require_package(module: str, extra: str, purpose: str, *, package: str | None = None) -> None:
    """Import an optional package, or refuse what needs it.

    Args:
        module: name to import.
        extra: extra of posembed that brings it.
        purpose: what needs it, as the beginning of a sentence.
        package: name under which it is installed, where that is not the module's.

    Raises:
        MissingExtraError: if it is not installed.

    Example:
        >>> require_package("no_such_module", "report", "drawing")
        Traceback (most recent call last):
        posembed.errors.MissingExtraError: drawing needs the package 'no_such_module', which is not installed: run ...
    """
    try:
        importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(package or module, extra, purpose) from None


class WorkFailedError(PosembedError, RuntimeError):
    """Work that failed although the call was valid."""


class ModelCheckError(WorkFailedError):
    """A copy that does not load or run although its source does; it was not put in place.

    Attributes:
        checked: the :class:`posembed.records.check.Checked` that says so.
    """

    def __init__(self, message: str, checked: object) -> None:
        super().__init__(message)
        self.checked = checked


class NoBetterMethodError(WorkFailedError):
    """No extension is shown to be better than the model without it; nothing was written.

    Attributes:
        choice: the :class:`posembed.records.search.MethodChoice` with everything that was measured.
    """

    def __init__(self, message: str, choice: object) -> None:
        super().__init__(message)
        self.choice = choice


class WorkInterruptedError(PosembedError, RuntimeError):
    """Work stopped by the user; the message says how to resume it."""

    exit_code = 130
