"""The documents and queries that candidates are judged by: parts of them for the first rounds, all for the last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from posembed.errors import DataError
from posembed.quality.evaluate.short_pairs import TASK as SHORT_TEXTS
from posembed.quality.evaluate.short_pairs import short_pairs
from posembed.quality.models.embedder import Embedder
from posembed.quality.rng import generator
from posembed.quality.search.embedding.judged import JudgedSet, judged_set
from posembed.quality.search.embedding.lengths import documents_of
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.registry import TASKS
from posembed.quality.tasks.retrieval_set import LEAST_DOCUMENTS, RetrievalSet, make_requested
from posembed.quality.tasks.task import Placed, SetRequest, TooFewDocumentsError
from posembed.records.choices import Split
from posembed.records.embedding_results import Scope
from posembed.records.evaluate import Task
from posembed.records.search import SearchOptions

# Names, numbers and depths of the made documents; no document of the test set is read.
SPLIT: Split = "validation"
REAL: tuple[Task, ...] = ("title", "section", "cloze")
# Texts that have neither titles nor sections are asked for by a paragraph too, which needs no structure.
STRUCTURED: tuple[Task, ...] = ("title", "section")
UNSTRUCTURED: Task = "paragraph"
BESIDE: Task = "needle"
# Tokens of the longest short text without special ones, as in `evaluate`, and number of pairs: they are cheap, and a
# small loss shows in many only.
SHORT, SHORT_PAIRS = 126, 400


class Sets(ABC):
    """Documents and queries for a search."""

    @abstractmethod
    def longer(self, share: float) -> list[JudgedSet]:
        """Return sets of documents longer than the old table, by length; those of a smaller share are among them.

        Args:
            share: of the documents.
        """

    @abstractmethod
    def native(self) -> list[JudgedSet]:
        """Return sets of documents that the old table has room for, where a longer table must not lose."""

    @abstractmethod
    def beside(self) -> list[JudgedSet]:
        """Return sets that are measured and decide nothing."""


class TextSets(Sets):
    """Sets made from texts.

    Args:
        held_out: the texts.
        texts: the same as strings.
        embedder: whose tokens are counted.
        old: positions of the old table.
        lengths: of longer documents.
        options: of the search.

    Raises:
        DataError: if the texts have too few documents at every length.
    """

    def __init__(
        self,
        held_out: HeldOut,
        texts: Sequence[str],
        embedder: Embedder,
        old: int,
        lengths: Sequence[int],
        options: SearchOptions,
    ) -> None:
        self.held_out, self.texts, self.embedder, self.old = held_out, texts, embedder, old
        self.lengths, self.options = lengths, options
        self._order: dict[int, list[tuple[int, ...]]] = {}
        self._placed: dict[tuple[Task, int], list[Placed]] = {}
        for length in (old, *lengths):
            self._read(length)
        found = [task for task in REAL if any(self._real(task, "longer", length, 1.0) for length in lengths)]
        self._made: dict[tuple[Task, int], RetrievalSet] = {}
        structured = any(task in STRUCTURED for task in found)
        self.tasks = tuple(found) if structured else (*found, *self._if_possible(UNSTRUCTURED, options))

    def _if_possible(self, task: Task, options: SearchOptions) -> tuple[Task, ...]:
        """Return a task that needs no structure where the texts allow it; passkeys need no texts at all."""
        for length in (self.old, *self.lengths):
            self._make(task, length)
        if any((task, length) in self._made for length in self.lengths):
            return (task,)
        if not options.must_be_better:  # what follows is trained, and only its start is sought
            for length in self.lengths:
                self._make("passkey", length)
            return ("passkey",)
        raise DataError(
            f"data={options.data!r}: fewer than {LEAST_DOCUMENTS} documents have {self.lengths[0]} tokens and "
            "something to ask for, and the texts are too short to hide paragraphs in: give more or longer texts"
        )

    def longer(self, share: float) -> list[JudgedSet]:
        """Return sets of every task and length that the texts allow."""
        return [found for length in self.lengths for task in self.tasks if (found := self._set(task, length, share))]

    def native(self) -> list[JudgedSet]:
        """Return the same tasks at the old length, and short texts."""
        found = [each for task in self.tasks if (each := self._set(task, self.old, 1.0))]
        longest = min(SHORT, self.old - max(self.embedder.special, self.embedder.query_special))
        pairs = short_pairs(
            self.texts, self.embedder.encode, longest, documents=SHORT_PAIRS, pool=self.options.pool, split=SPLIT,
            seed=self.options.seed,
        )  # fmt: skip
        if pairs is not None and len(pairs.queries) >= LEAST_DOCUMENTS:
            found.append(judged_set(SHORT_TEXTS, "native", longest + self.embedder.special, pairs))
        return found

    def beside(self) -> list[JudgedSet]:
        """Return one pool of needles at the shortest of the lengths, where the texts allow it: they decide nothing."""
        length = self.lengths[0]
        self._make(BESIDE, length, most=self.options.pool)
        made = self._made.get((BESIDE, length))
        return [] if made is None else [judged_set(BESIDE, "longer", length, made, decides=False)]

    def _set(self, task: Task, length: int, share: float) -> JudgedSet | None:
        scope: Scope = "longer" if length > self.old else "native"
        if task in REAL:
            return self._real(task, scope, length, share)
        made = self._made.get((task, length))
        if made is None:
            return None
        pools = max(round(share * len(made.queries) / made.pool), -(-LEAST_DOCUMENTS // made.pool))
        count = pools * made.pool
        part = RetrievalSet(made.documents[:count], made.queries[:count], made.depths[:count], made.pool)
        return judged_set(task, scope, length, part)

    def _real(self, task: Task, scope: Scope, length: int, share: float) -> JudgedSet | None:
        order = self._order[length]
        among = set(order[: max(self._least(length), round(share * len(order)))])
        placed = [each for each in self._placed[task, length] if each.document in among]
        if len(placed) < LEAST_DOCUMENTS:
            return None
        pools = -(-len(placed) // self.options.pool)
        return judged_set(
            task,
            scope,
            length,
            RetrievalSet(
                tuple(each.document for each in placed),
                tuple(each.query for each in placed),
                tuple(each.stratum for each in placed),
                -(-len(placed) // pools),
                tuple(each.source for each in placed),
            ),
        )

    def _least(self, length: int) -> int:
        """Return the fewest documents of a round: with so many each task mostly has enough."""
        return 2 * LEAST_DOCUMENTS if documents_of(length, self.options.documents) > 2 * LEAST_DOCUMENTS else 1

    def _read(self, length: int) -> None:
        """Cut the documents of one length; those that answer most tasks come first, since each is embedded once."""
        request = self._request(length, documents_of(length, self.options.documents))
        excerpts = self.held_out.excerpts(request.encode, request.body, request.split, request.seed)
        asked = [(each.ids, (each.title, each.section, each.sentence)) for each in excerpts]
        asked.sort(key=lambda each: sum(question is None for question in each[1]))
        self._order[length] = [ids for ids, _ in asked[: request.documents]]
        among, rng = set(self._order[length]), generator("search", length)
        for task in REAL:
            every = TASKS[task].pairs(self._request(length, len(excerpts)), self.held_out, rng)
            self._placed[task, length] = [each for each in every if each.document in among]

    def _make(self, task: Task, length: int, most: int | None = None) -> None:
        """Make whole pools of a task that hides its evidence; fewer where the texts are short."""
        wanted = most or documents_of(length, self.options.documents)
        pool, least = min(self.options.pool, wanted), min(LEAST_DOCUMENTS, wanted)
        while wanted >= least:
            pool = min(pool, wanted)
            request = self._request(length, wanted // pool * pool, pool)
            try:
                self._made[task, length] = make_requested(task, request, self.held_out)
            except TooFewDocumentsError:
                wanted //= 2
            except DataError:  # no room for the evidence at this length
                return
            else:
                return

    def _request(self, length: int, documents: int, pool: int | None = None) -> SetRequest:
        options, body = self.options, length - self.embedder.special
        return SetRequest(
            self.embedder.encode, SPLIT, length, body, documents, pool or options.pool, options.seed, at_most=True
        )
