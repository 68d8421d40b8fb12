"""Where the three files of a retrieval data set are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posembed.errors import DataError, InvalidArgumentError

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
_TEST = "test.tsv"


@dataclass(frozen=True)
class RetrievalFiles:
    """Paths of documents, queries and judgments."""

    corpus: Path
    queries: Path
    qrels: Path


def find_files(corpus: str | None, queries: str | None, qrels: str | None) -> RetrievalFiles | None:
    """Return the files that the options name, ``None`` if they name none.

    Args:
        corpus: ``corpus.jsonl``, or a folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv``.
        queries: ``queries.jsonl``, where it is not in that folder.
        qrels: a file of judgments, where it is not in that folder, or not ``test.tsv``.

    Raises:
        InvalidArgumentError: if only some of the three are named.
        DataError: if a file is not there.
    """
    if corpus is None:
        given = next((name for name, value in (("queries", queries), ("qrels", qrels)) if value is not None), None)
        if given is not None:
            raise InvalidArgumentError(f"`{given}` goes with `corpus`: name the documents too")
        return None
    root = Path(corpus)
    folder = root.is_dir()
    if not folder:
        for name, value in (("queries", queries), ("qrels", qrels)):
            if value is None:
                raise InvalidArgumentError(
                    f"corpus={corpus!r} is not a folder, so `{name}` must be named; or give a folder with {CORPUS}, "
                    f"{QUERIES} and {QRELS}/{_TEST}"
                )
    found = RetrievalFiles(
        root / CORPUS if folder else root,
        root / QUERIES if queries is None else Path(queries),
        _judgments(root) if qrels is None else Path(qrels),
    )
    for name, path in (("corpus", found.corpus), ("queries", found.queries), ("qrels", found.qrels)):
        if not path.is_file():
            raise DataError(
                f"`{name}`: {path}: no such file; a retrieval data set has {CORPUS}, {QUERIES} and {QRELS}/{_TEST}"
            )
    return found


def _judgments(root: Path) -> Path:
    """Return ``test.tsv``, or the only other file of judgments.

    Raises:
        DataError: if there are several others.
    """
    test = root / QRELS / _TEST
    if test.is_file():
        return test
    others = sorted((root / QRELS).glob("*.tsv")) if (root / QRELS).is_dir() else []
    if len(others) > 1:
        names = ", ".join(path.name for path in others)
        raise DataError(f"`corpus`: {root / QRELS} has no {_TEST} but {names}: name one of them with `qrels`")
    return others[0] if others else test
