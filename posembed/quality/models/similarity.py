"""How the vectors of an embedding model are compared."""

from __future__ import annotations

from typing import Literal, cast, get_args

from posembed.errors import InvalidArgumentError
from posembed.quality.models.model_files import ModelFiles

Similarity = Literal["cosine", "dot"]
_FIELD = "similarity_fn_name"


def read_similarity(files: ModelFiles, default: Similarity = "cosine") -> Similarity:
    """Return how ``config_sentence_transformers.json`` says that vectors are compared.

    Args:
        files: of the model.
        default: where it does not say.

    Raises:
        InvalidArgumentError: for distances, by which nothing is ranked here.
    """
    name = files.settings.get(_FIELD)
    if name is None:
        return default
    supported = get_args(Similarity)
    if name not in supported:
        raise InvalidArgumentError(
            f"{files.folder} compares vectors by {name!r} ({_FIELD} in config_sentence_transformers.json); supported "
            f"are {' and '.join(supported)}: set the field to one of them if its vectors may be compared so"
        )
    return cast("Similarity", name)
