"""Make the retrieval sets of an evaluation, and say what the texts could not give."""

from __future__ import annotations

from collections.abc import Sequence

from posembed.errors import DataError
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.real import RealTask
from posembed.quality.tasks.registry import TASKS
from posembed.quality.tasks.retrieval_set import RetrievalSet, make_requested
from posembed.quality.tasks.task import Encode, SetRequest, TooFewDocumentsError
from posembed.quality.texts import load_documents
from posembed.records.evaluate import Task
from posembed.records.evaluation import EvaluationSetup


def read_held_out(setup: EvaluationSetup, tokens: Sequence[Sequence[int]]) -> HeldOut:
    """Return texts in tokens, with the documents of the setup's data if one of its tasks asks about them.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    reads = any(isinstance(TASKS[task], RealTask) for task in setup.tasks or ())
    source = setup.documents_from or setup.split
    return HeldOut(tokens, load_documents(setup.data, source) if reads else (), everything=source == "all")


class SetMaker:
    """Make sets one by one; those that the texts do not allow are left out, or refused, as the setup says.

    Args:
        setup: with ``tasks`` and ``pool``.
        encode: text to token ids, without special tokens.
        held_out: texts of the setup's split.
        special: special tokens that the model adds around a document.
    """

    def __init__(self, setup: EvaluationSetup, encode: Encode, held_out: HeldOut, special: int) -> None:
        self.setup, self.encode, self.held_out, self.special = setup, encode, held_out, special
        self.missing: list[TooFewDocumentsError] = []
        self.smaller: dict[Task, list[tuple[int, int]]] = {}
        self.made = 0

    def make(self, task: Task, length: int) -> RetrievalSet | None:
        """Return one set, or ``None`` if it is left out.

        Raises:
            DataError: if the setup refuses a set that cannot be made.
        """
        setup = self.setup
        assert setup.pool is not None
        request = SetRequest(
            self.encode, setup.split, length, length - self.special, setup.documents, setup.pool, setup.seed,
            at_most=setup.shortage == "fewer",
        )  # fmt: skip
        try:
            retrieval = make_requested(task, request, self.held_out)
        except TooFewDocumentsError as error:
            if setup.shortage == "refuse":
                raise
            self.missing.append(error)
            return None
        self.made += 1
        if len(retrieval.documents) < setup.documents:
            self.smaller.setdefault(task, []).append((length, len(retrieval.documents)))
        return retrieval

    def notes(self) -> tuple[str, ...]:
        """Return what was left out and what is smaller than asked for, a sentence for each task.

        Raises:
            DataError: if no set could be made at all.
        """
        if self.missing and not self.made:
            raise DataError(str(self.missing[0]))
        texts = "the texts" if self.held_out.everything else f"the {self.setup.split} texts"
        smaller = [
            f"{task}: {texts} have fewer than {self.setup.documents} documents: "
            + ", ".join(f"{count} of {length} tokens" for length, count in cells)
            for task, cells in self.smaller.items()
        ]
        return (
            *smaller,
            *(_left_out(task, self.missing) for task in TASKS if any(e.task == task for e in self.missing)),
        )


def _left_out(task: Task, missing: Sequence[TooFewDocumentsError]) -> str:
    own = [error for error in missing if error.task == task]
    lengths = ", ".join(str(error.length) for error in own)
    return f"{task} is left out at {lengths} tokens: {own[0].reason}"
