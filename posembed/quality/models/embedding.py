"""Sentence-embedding models: vectors by pooling."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from posembed.errors import InvalidArgumentError
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.head import Head, PlainHead, Pooling
from posembed.quality.models.library import has_library, load_modules
from posembed.quality.models.loading import load_files
from posembed.quality.models.model_files import ModelFiles
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.models.pooling import NeedsLibraryError, read_pooling
from posembed.quality.models.prompts import read_prompts
from posembed.quality.models.similarity import read_similarity
from posembed.quality.models.stored_limit import stored_limit
from posembed.quality.texts import load_texts


class EmbeddingKind(ModelKind[Embedder]):
    """Sentence-embedding models of Transformers and sentence-transformers."""

    name = "embedding"
    description = "a sentence-embedding model"

    def read_texts(self, data: str) -> Mapping[str, list[str]]:
        """Return prose: an embedding model is asked in plain language."""
        return load_texts(data)

    def load(
        self,
        path: str | os.PathLike[str],
        precision: str = "fp32",
        *,
        device: str = "cpu",
        trust_remote_code: bool = False,
    ) -> Embedder:
        """Load model, tokenizer and pooling, as sentence-transformers would put them together."""
        return load_embedder(path, precision=precision, device=device, trust_remote_code=trust_remote_code)


def load_embedder(
    path: str | os.PathLike[str],
    *,
    pooling: Pooling | None = None,
    precision: str = "fp32",
    device: str = "cpu",
    trust_remote_code: bool = False,
) -> Embedder:
    """Load a sentence-embedding checkpoint: model, tokenizer, what makes vectors of its states, and prompts.

    Where sentence-transformers is installed, it loads the checkpoint and runs the modules behind the Transformer. Else
    means and first tokens are computed here, which gives the same vectors, and other modules are refused.

    Args:
        path: a directory of Transformers or sentence-transformers files.
        pooling: in place of the checkpoint's own modules; by default these, or mean without a ``modules.json``.
        precision: ``"bf16"`` or ``"fp32"``.
        device: where it runs, such as ``"cuda:0"``.
        trust_remote_code: run Python code of the checkpoint's own.

    Raises:
        MissingExtraError: if `transformers` is not installed.
        InvalidArgumentError: for modules that make no vector of a text, or that only sentence-transformers can run
            where it is not installed.
        CheckpointError: for files that cannot be loaded.
    """
    folder = Path(path)
    files = ModelFiles.read(folder) if (folder / "modules.json").is_file() else None
    head: Head
    if files is not None and pooling is None and has_library():
        model, tokenizer, head = load_modules(folder, device=device, trust_remote_code=trust_remote_code)
    else:
        head = PlainHead(pooling or _plain(folder))
        model, tokenizer = load_files(folder, "AutoModel", device=device, trust_remote_code=trust_remote_code)
    limit = stored_limit(folder)
    if files is None:
        return Embedder(model, tokenizer, head, precision, limit)
    return Embedder(model, tokenizer, head, precision, limit, read_prompts(files), read_similarity(files))


def _plain(folder: Path) -> Pooling:
    try:
        return read_pooling(folder)
    except NeedsLibraryError as error:
        raise InvalidArgumentError(
            f'{error}. sentence-transformers runs it as it is: run  pip install "posembed[quality]"'
        ) from None


EMBEDDING = EmbeddingKind()
