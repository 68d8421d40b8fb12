"""Say which texts a search has read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from posembed.quality.documents.readers import words_for
from posembed.quality.retrieval_data.files import find_files
from posembed.records.choices import Split
from posembed.records.search import SearchedTexts, SearchOptions
from posembed.text_files import split_files


def searched_texts(options: SearchOptions, splits: Sequence[Split]) -> SearchedTexts:
    """Return the texts of some splits as they are recorded: how many files, their content by hash, their kinds.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    sets, _ = split_files(options.data)
    files = [file for split in splits for file in sets[split]]
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.content).digest())
    kinds = Counter(words_for(file.name) for file in files)
    return SearchedTexts(
        options.data, tuple(splits), len(files), digest.hexdigest(), dict(sorted(kinds.items())), _own(options)
    )


def _own(options: SearchOptions) -> dict[str, str] | None:
    files = find_files(options.corpus, options.queries, options.qrels)
    if files is None:
        return None
    named = {"corpus": files.corpus, "queries": files.queries, "qrels": files.qrels}
    return {name: _sha256(path) for name, path in named.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
