"""Documents of two pages from different manuals, and the question which manual the second one is from.

As with scans or mails that were put into one file: what is asked stands behind the old table's end, and a reader must
know what comes last. The first page has more words of another manual.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posembed.quality.models.embedder import Embedder
from posembed.quality.rng import generator
from posembed.quality.texts import load_documents

LENGTH = 766  # tokens, without special ones
SECOND_BEGINS = (512, 640)  # tokens at which the second page begins, from and below: behind the old table's end
_ONE_IN = 5  # pages are for the test


@dataclass(frozen=True)
class Bundle:
    """Two pieces of pages.

    Attributes:
        document: token ids without special ones.
        begins: where the second piece begins.
        label: number of its manual.
    """

    document: list[int]
    begins: int
    label: int


class Manuals:
    """The pages of manuals in tokens, those for training or those for the test.

    Args:
        folders: one a manual.
        embedder: whose tokens.
        test: which pages.
    """

    def __init__(self, folders: Sequence[Path], embedder: Embedder, test: bool) -> None:
        self.name = "test" if test else "train"
        self.pages: list[list[list[int]]] = []
        for folder in folders:
            texts = [page.text for page in load_documents(str(folder), "all")]
            tokens = [embedder.encode(text) for text in texts if _is_for_test(text) == test]
            self.pages.append([page for page in tokens if len(page) >= LENGTH])

    def bundle(self, number: int) -> Bundle:
        """Return a bundle; its number alone decides it."""
        rng = generator("bundle", self.name, number)
        first, second = rng.choice(len(self.pages), 2, replace=False).tolist()
        begins = int(rng.integers(*SECOND_BEGINS))
        document = [*self._piece(first, begins, rng), *self._piece(second, LENGTH - begins, rng)]
        return Bundle(document, begins, second)

    def _piece(self, manual: int, size: int, rng: np.random.Generator) -> list[int]:
        pages = self.pages[manual]
        page = pages[int(rng.integers(len(pages)))]
        at = int(rng.integers(len(page) - size + 1))
        return page[at : at + size]


def _is_for_test(text: str) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % _ONE_IN == 0


def manuals_of(corpora: Path) -> list[Path]:
    """Return the folders of all manuals of all collections."""
    return sorted(manual for collection in corpora.iterdir() if collection.is_dir() for manual in collection.iterdir())
