"""Map the names of Python's arguments to command-line options, for parsing and in messages."""

from __future__ import annotations

import re
from collections.abc import Mapping

OPTIONS = {
    "length": "--to",
    "tables": "--table",
    "compile": "--compile",
    "as_json": "--json",
}
"""Python arguments whose option has another name; of every other, ``train_length`` is ``--train-length``."""

METAVARS = {
    "corpus": "PATH",
    "data": "TEXTS",
    "device": "DEVICE",
    "html": "FILE",
    "log_dir": "DIR",
    "method": "METHOD",
    "original": "DIR",
    "out": "DIR",
    "output": "FILE",
    "qrels": "FILE",
    "queries": "FILE",
    "results": "FILE",
    "tables": "KEY",
    "tokenizer": "FILE",
}
"""What a help text calls the value of an option, where its type alone says too little."""

_MENTION = re.compile(r"`(?P<quoted>\w+)`|(?<![\w.`'\"])(?P<name>[a-z]\w*)=(?:(?P<value>True|False|None)\b|(?=[^=\s]))")


def option_name(argument: str) -> str:
    """Return the option of a Python argument.

    Example:
        >>> option_name("length"), option_name("train_length"), option_name("range_")
        ('--to', '--train-length', '--range')
    """
    return OPTIONS.get(argument, "--" + argument.strip("_").replace("_", "-"))


def in_options(message: str, names: Mapping[str, str]) -> str:
    """Return a library's message with the arguments named as the command line names them.

    Args:
        message: names arguments as ``name=value`` or in backticks.
        names: option or positional argument of each Python argument of the command; other names stay as they are.

    Example:
        >>> names = {"length": "--to", "keep": "--keep", "dry_run": "--dry-run", "checkpoint": "CHECKPOINT"}
        >>> in_options("length=512 changes nothing", names)
        '--to 512 changes nothing'
        >>> in_options("leave values=False out", {"values": "--values"})
        'leave --no-values out'
        >>> in_options("dry_run=True goes without `keep`; checkpoint='a' has lr=2", names)
        "--dry-run goes without --keep; CHECKPOINT 'a' has lr=2"
    """

    def translated(match: re.Match[str]) -> str:
        name = names.get(match["quoted"] or match["name"])
        if name is None:
            return match[0]
        if match["quoted"]:
            return name
        if match["value"] == "True":
            return name
        if match["value"] == "False":
            return name.replace("--", "--no-", 1)
        return f"no {name}" if match["value"] == "None" else f"{name} "

    return _MENTION.sub(translated, message)
