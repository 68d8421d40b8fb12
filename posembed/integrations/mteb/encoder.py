"""A checkpoint as a model of mteb: as sentence-transformers loads it, with its length-aware tables."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from posembed.checkpoint.local_copy import local_copy
from posembed.errors import InvalidArgumentError, require_package
from posembed.extension.length_aware import load_stored_tables
from posembed.hardware import resolve_device
from posembed.observer import SILENT, Observer
from posembed.quality.calibrate.objective import fingerprint
from posembed.quality.models.embedding import EMBEDDING
from posembed.quality.models.kinds import kind_of
from posembed.quality.models.library import load_whole


def encoder(
    checkpoint: str | os.PathLike[str],
    *,
    device: str = "auto",
    trust_remote_code: bool = False,
    observer: Observer = SILENT,
) -> Any:
    """Return a sentence-embedding checkpoint for ``mteb.evaluate``, length-aware where it has such tables.

    mteb keeps results by a model's name and revision. The revision is the checksum of weights, tables, tokenizer and
    modules, so that results of a checkpoint that was since trained on, or extended again, are not taken for its own.

    Args:
        checkpoint: a directory with ``modules.json``, or the name or address of one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        trust_remote_code: run Python code of the checkpoint's own.
        observer: hears of what is downloaded.

    Raises:
        InvalidArgumentError: for another kind of model.
        CheckpointError: for files that cannot be loaded.
        MissingExtraError: if mteb is not installed.
    """
    require_package("mteb", "mteb", "evaluating with mteb")
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper

    copy = local_copy(checkpoint, observer)
    folder = Path(copy.path)
    kind = kind_of(folder)
    if kind is not EMBEDDING or not (folder / "modules.json").is_file():
        raise InvalidArgumentError(
            f"{copy.shown} is {kind.description}{' without modules.json' if kind is EMBEDDING else ''}: mteb is run on "
            "sentence-transformers checkpoints of embedding models"
        )
    whole = load_whole("SentenceTransformer", folder, trust_remote_code=trust_remote_code)
    load_stored_tables(whole, folder)
    whole.eval().to(resolve_device(device))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of mteb, about names of sentence-transformers that changed
        wrapped = SentenceTransformerEncoderWrapper(whole)
    wrapped.mteb_model_meta = wrapped.mteb_model_meta.model_copy(
        update={"name": _name(copy.shown), "revision": _revision(whole)}
    )
    return wrapped


def _revision(whole: Any) -> str:
    """Return a checksum of everything that the vectors depend on."""
    settings = [f"{type(module).__name__} {getattr(module, 'config_keys', '')} {module}" for module in whole]
    words = "\0".join(
        [*settings, str(whole.max_seq_length), str(whole.truncate_dim), str(sorted(whole.prompts.items()))]
    )
    return fingerprint(whole, whole.tokenizer.backend_tokenizer, words)[:16]


def _name(shown: str) -> str:
    """Return a name as mteb wants it, owner and model: a path's last two parts."""
    parts = [part for part in shown.removeprefix("hf://").split("@")[0].split("/") if part not in ("", ".", "..")]
    return "/".join(["local", *parts][-2:])
