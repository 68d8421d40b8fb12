"""Calls of Transformers that load a checkpoint: its own Python code runs only where the caller trusts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posembed.checkpoint.own_code import LENGTH_AWARE_MODULE, foreign_classes, own_code
from posembed.errors import InvalidArgumentError


@contextmanager
def no_questions(folder: Path) -> Iterator[None]:
    """Let libraries load a checkpoint without asking anybody whether its code may run.

    Pass ``trust_remote_code`` to the calls inside. That alone is not enough: the parts of a composite model
    (``EncoderDecoderModel``, for one) are built by calls of the library's own, which do not pass it on, and then ask on
    standard input.

    Args:
        folder: the checkpoint's directory, for the message.

    Raises:
        InvalidArgumentError: if the checkpoint cannot be loaded without code of its own.
    """
    from transformers import dynamic_module_utils as asking

    # The library's name for "seconds to wait for an answer"; at 0 it refuses without asking.
    name = "TIME_OUT_REMOTE_CODE"
    modules: Any = asking
    before = getattr(modules, name, None)
    setattr(modules, name, 0)
    try:
        yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise InvalidArgumentError(refusal(folder)) from None
    finally:
        setattr(modules, name, before)


def load_sentence_model(loader: str, folder: Path, **options: Any) -> Any:
    """Return what a class of sentence-transformers makes of a folder, posembed's own module read as the plain one.

    From version 6 on, the library imports a class of another package only where all code of the folder is trusted.

    Args:
        loader: name of the class.
        folder: a directory of its files.
        **options: of the class.
    """
    import sentence_transformers

    kind: Any = getattr(sentence_transformers, loader)
    with_classes = getattr(kind, "_load_with_module_classes", None)
    if with_classes is None:  # before version 6, which imports it
        return kind(str(folder), **options)
    from sentence_transformers.base.modules import Transformer

    return with_classes(str(folder), {LENGTH_AWARE_MODULE: Transformer}, **options)


def refuse_foreign_classes(folder: Path, *, trust_remote_code: bool) -> None:
    """Refuse a folder that names classes of other packages to sentence-transformers, unless they are trusted.

    Versions before 6 import such classes of a local folder without asking, and later ones put a default in place of an
    activation that is not trusted, which gives other vectors.

    Raises:
        InvalidArgumentError: naming the classes.
    """
    if not trust_remote_code and foreign_classes(folder):
        raise InvalidArgumentError(refusal(folder))


def refusal(folder: Path) -> str:
    """Return the sentence for a checkpoint that cannot be loaded without its own code."""
    return (
        f"{folder} cannot be loaded without Python code of its own ({own_code(folder, folder)}). Code of a checkpoint "
        "can do whatever you can: read it, then allow it with trust_remote_code=True"
    )
