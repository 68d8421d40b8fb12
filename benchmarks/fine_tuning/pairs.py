"""Pages of manuals with a title and a section to find them by: batches to train on, and a pool to choose a rate by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fine_tuning.starts import ROWS
from posembed.files import write_whole
from posembed.quality.documents.document import Document
from posembed.quality.models.embedder import Embedder
from posembed.quality.rng import generator
from posembed.quality.tasks.excerpt import Excerpt
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.texts import load_documents

# Tokens of the documents of one step after another: half are as long as the table, as if pages were cut where it ends.
LENGTHS = (ROWS, ROWS // 2, ROWS, 3 * ROWS // 4)
BATCH = 6
_ONE_IN = 7  # pages are for validation
_EVERY = 100  # steps after which other sections of the same pages are asked for


@dataclass(frozen=True)
class Batch:
    """Documents and two queries for each, in tokens without special ones."""

    documents: list[list[int]]
    titles: list[list[int]]
    sections: list[list[int]]


def pages(folder: Path, validation: bool) -> dict[str, list[Document]]:
    """Return the pages of each manual of a collection, those for training or those for validation."""
    return {
        manual.name: [page for page in load_documents(str(manual), "all") if _is_for_validation(page) == validation]
        for manual in sorted(folder.iterdir())
        if manual.is_dir()
    }


def _is_for_validation(page: Document) -> bool:
    digest = hashlib.sha256(f"{page.title}\n{page.text}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % _ONE_IN == 0


def training_batches(folder: Path, embedder: Embedder, steps: int, kept: Path) -> list[Batch]:
    """Return the batches of all steps, from ``kept`` if they were made before.

    The documents of a batch are pages of one manual, so that they are not told apart by their subject alone.
    """
    if not kept.exists():
        manuals = {name: HeldOut([], found, everything=True) for name, found in pages(folder, False).items()}
        made = [_batch(step, manuals, embedder) for step in range(steps)]
        text = json.dumps([vars(batch) for batch in made])
        write_whole(kept, lambda temporary: temporary.write_text(text, encoding="utf-8"), parents=True)
    return [Batch(**each) for each in json.loads(kept.read_text(encoding="utf-8"))][:steps]


def _batch(step: int, manuals: dict[str, HeldOut], embedder: Embedder) -> Batch:
    length, rng = LENGTHS[step % len(LENGTHS)], generator("fine-tuning", step)
    found = [_asked(manual, embedder, length, step // _EVERY) for manual in manuals.values()]
    found = [excerpts for excerpts in found if len(excerpts) >= BATCH]
    if not found:
        raise SystemExit(f"no manual has {BATCH} pages of {length} tokens with a title and a section")
    shares = np.array([len(excerpts) for excerpts in found]) / sum(map(len, found))
    excerpts = found[int(rng.choice(len(found), p=shares))]
    return _of([excerpts[number] for number in rng.choice(len(excerpts), BATCH, replace=False).tolist()])


def validation_pool(folder: Path, embedder: Embedder) -> Batch:
    """Return the validation pages of all manuals as one batch."""
    every = [page for found in pages(folder, True).values() for page in found]
    return _of(_asked(HeldOut([], every, everything=True), embedder, ROWS, 0))


def _asked(manual: HeldOut, embedder: Embedder, length: int, seed: int) -> list[Excerpt]:
    excerpts = manual.excerpts(embedder.encode, length - embedder.special, "train", seed)
    return [each for each in excerpts if each.title is not None and each.section is not None]


def _of(excerpts: Sequence[Excerpt]) -> Batch:
    return Batch(
        [list(each.ids) for each in excerpts],
        [list(each.title.ids) for each in excerpts if each.title is not None],
        [list(each.section.ids) for each in excerpts if each.section is not None],
    )
