"""Every exception that posembed raises on purpose, in one tree.

.. code-block:: text

    PosembedError                      .exit_code: what the command line ends with
    ├── InvalidArgumentError           (ValueError)    a call that cannot be right       2
    │   ├── DataError                  (ValueError)    the corpus cannot be used         2
    │   └── ResultsConflictError       (ValueError)    the output folder holds other work 2
    ├── ArgumentTypeError              (TypeError)     a value of a wrong type           2
    ├── PositionOutOfRangeError        (IndexError)    a position without a row          2
    ├── StateDictError                 (RuntimeError)  weights that do not fit           1
    ├── CheckpointError                (RuntimeError)  a broken or unsafe checkpoint     1
    ├── MissingExtraError              (ImportError)   an optional dependency is absent  2
    ├── WorkFailedError                (RuntimeError)  the work itself failed            1
    └── WorkInterruptedError           (RuntimeError)  stopped by the user, can go on  130

Each message names the argument, the value received, what is allowed and what to do next.
"""

from __future__ import annotations


class PosembedError(Exception):
    """The root of every exception that posembed raises on purpose."""

    exit_code = 1


class InvalidArgumentError(PosembedError, ValueError):
    """An argument's value, or a combination of arguments, that cannot be right."""

    exit_code = 2


class DataError(InvalidArgumentError):
    """A corpus that is missing, empty, too short or not text."""


class ResultsConflictError(InvalidArgumentError):
    """An output folder that holds the results of another configuration."""


class ArgumentTypeError(PosembedError, TypeError):
    """An argument of a type that is not accepted."""

    exit_code = 2


class PositionOutOfRangeError(PosembedError, IndexError):
    """A position that has no row in the table."""

    exit_code = 2


class StateDictError(PosembedError, RuntimeError):
    """A state dict whose names, shapes or dtypes do not fit the module."""


class CheckpointError(PosembedError, RuntimeError):
    """A checkpoint file that is broken, unsafe or incomplete."""


def first_line(error: BaseException) -> str:
    r"""The first line of what an error of another library says, or its name where it says nothing.

    Example:
        >>> first_line(KeyError()), first_line(ValueError("no such layer\nin the model"))
        ('KeyError', 'no such layer')
    """
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


class MissingExtraError(PosembedError, ImportError):
    """An optional dependency is not installed; the message is the command that installs it."""

    exit_code = 2

    def __init__(self, module: str, extra: str, purpose: str) -> None:
        super().__init__(
            f'{purpose} needs the package {module!r}, which is not installed: run  pip install "posembed[{extra}]"'
        )


class WorkFailedError(PosembedError, RuntimeError):
    """Work that was called correctly and failed all the same."""


class WorkInterruptedError(PosembedError, RuntimeError):
    """Work stopped by the user; the message says how to go on."""

    exit_code = 130
