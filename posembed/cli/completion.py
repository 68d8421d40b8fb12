"""``posembed --install-completion``: write the shell's completion script."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from posembed.cli.command import command
from posembed.cli.output import say
from posembed.errors import InvalidArgumentError

Shell = Literal["bash", "zsh", "fish", "powershell"]


@command()
def install_completion(
    *,
    shell: Annotated[Shell | None, Parameter(help="Shell to install for (default: the one you are in).")] = None,
    output: Annotated[
        Path | None,
        Parameter(
            help="Write the script to FILE only (default: where the shell looks, and a line in its startup file)."
        ),
    ] = None,
) -> None:
    """Install completion of commands, options and choices for your shell."""
    from cyclopts.completion.detect import ShellDetectionError

    from posembed.cli.app import app

    try:
        written = app.install_completion(shell=shell, output=output, add_to_startup=output is None)
    except ShellDetectionError:
        raise InvalidArgumentError("the shell could not be detected: name it with `shell`") from None
    say(f"wrote {written}: open a new shell to use it")
