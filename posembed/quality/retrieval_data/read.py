"""Read documents, queries and judgments, and refuse what does not fit together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from posembed.checkpoint.json_object import kind_of_json
from posembed.errors import DataError, os_reason, shortened
from posembed.quality.retrieval_data.files import RetrievalFiles, find_files

_FIELDS = ("query-id", "corpus-id", "score")


@dataclass(frozen=True)
class RetrievalData:
    """Documents, queries and judgments.

    Attributes:
        documents: text by id; a title stands before the text.
        queries: text by id, of the queries with at least one relevant document.
        relevant: for each query, the score of every judged document, by id; above 0 is relevant.
        unjudged: number of queries without a relevant document, which are left out.
    """

    documents: Mapping[str, str]
    queries: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]
    unjudged: int


class Named(Protocol):
    """Whatever names the three files: options, or the setup of an evaluation."""

    @property
    def corpus(self) -> str | None:
        """Path of the documents, or of the folder."""

    @property
    def queries(self) -> str | None:
        """Path of the queries."""

    @property
    def qrels(self) -> str | None:
        """Path of the judgments."""


def read_own(named: Named) -> RetrievalData | None:
    """Return the data that options name, ``None`` if they name none.

    Raises:
        InvalidArgumentError: if only some of the three are named.
        DataError: naming file and line, for what is missing, empty, there twice or not of the format.
    """
    files = find_files(named.corpus, named.queries, named.qrels)
    return None if files is None else read_retrieval_data(files)


def read_retrieval_data(files: RetrievalFiles) -> RetrievalData:
    """Read the three files.

    Raises:
        DataError: naming file and line, for what is missing, empty, there twice or not of the format.
    """
    documents = _read_texts(files.corpus, "document", with_title=True)
    queries = _read_texts(files.queries, "query", with_title=False)
    relevant = _read_judgments(files.qrels, documents, queries)
    asked = {
        name: text for name, text in queries.items() if any(score > 0 for score in relevant.get(name, {}).values())
    }
    if not asked:
        raise DataError(f"{files.qrels}: no query has a document with a score above 0, so there is nothing to find")
    return RetrievalData(documents, asked, {name: relevant[name] for name in asked}, len(queries) - len(asked))


def _read_texts(path: Path, kind: str, *, with_title: bool) -> dict[str, str]:
    texts: dict[str, str] = {}
    for place, line in _lines(path):
        entry = _entry(place, line, kind)
        name = _name(place, entry, kind)
        if name in texts:
            raise DataError(f"{place}: the {kind} {name!r} is there twice; ids must differ")
        parts = [_text(place, entry, field, name) for field in (("title", "text") if with_title else ("text",))]
        text = "\n".join(part for part in parts if part)
        if not text:
            raise DataError(f"{place}: the {kind} {name!r} has no text; remove it, or fill 'text'")
        texts[name] = text
    if not texts:
        raise DataError(f"{path}: the file is empty; it must have a JSON object with '_id' and 'text' on each line")
    return texts


def _entry(place: str, line: str, kind: str) -> Mapping[str, object]:
    example = f'such as {{"_id": "1", "text": "…"}} for a {kind}'
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = (
            error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep, or a number that is too long"
        )
        raise DataError(f"{place}: not a line of JSON ({reason}); each line must be one object, {example}") from None
    if not isinstance(entry, dict):
        raise DataError(f"{place}: {shortened(line.strip())} is not a JSON object; each line must be one, {example}")
    return entry


def _name(place: str, entry: Mapping[str, object], kind: str) -> str:
    """Return an entry's id; whole numbers stand for their digits, as in many exported tables."""
    name = entry.get("_id", entry.get("id"))
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    if not isinstance(name, str) or not name:
        raise DataError(f"{place}: the {kind} has no '_id'; it must be text that is not empty, or a whole number")
    return name


def _text(place: str, entry: Mapping[str, object], field: str, name: str) -> str:
    text = entry.get(field)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise DataError(f"{place}: {field!r} of {name!r} is not text but {kind_of_json(text)}")
    # A lone surrogate, which JSON can spell, cannot be tokenized.
    return text.encode("utf-8", "replace").decode().strip()


def _read_judgments(path: Path, documents: Mapping[str, str], queries: Mapping[str, str]) -> dict[str, dict[str, int]]:
    relevant: dict[str, dict[str, int]] = {}
    for number, (place, line) in enumerate(_lines(path)):
        cells = line.rstrip("\n").split("\t")
        if number == 0 and tuple(cell.strip() for cell in cells) == _FIELDS:
            continue
        if len(cells) != len(_FIELDS):
            raise DataError(
                f"{place}: {len(cells)} columns, {len(_FIELDS)} are needed: {', '.join(_FIELDS)}, with tabs between"
            )
        query, document, score = cells
        for kind, name, known in (("query", query, queries), ("document", document, documents)):
            if name not in known:
                raise DataError(f"{place}: there is no {kind} {name!r}; judgments may only name ids that are there")
        if document in relevant.setdefault(query, {}):
            raise DataError(f"{place}: the query {query!r} and the document {document!r} are judged twice")
        relevant[query][document] = _score(place, score)
    return relevant


def _score(place: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(f"{place}: the score {shortened(text)!r} is not a whole number") from None


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield ``file:line`` and text of each line that is not empty.

    Raises:
        DataError: if the file cannot be read, or is not UTF-8 text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{os_reason(error)}; give a file that can be read") from None
    for number, line in enumerate(content.split(b"\n"), 1):
        place = f"{path}:{number}"
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise DataError(f"{place}: not UTF-8 text (byte {error.start} of the line); convert it first") from None
        if text.strip():
            yield place, text
