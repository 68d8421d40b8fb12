"""Passkeys in other words, names and fillers than those of `posembed evaluate`: what a gain owes to the documents.

    python -m benchmarks.other_passkeys all-MiniLM-L6-v2 CALIBRATED --averaged EXTENDED   (about 5 minutes)

Prints one JSON document. `benchmarks.calibration` runs it as a part of its own.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from posembed.quality.evaluate.ranking import hits
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.embedding import load_embedder
from posembed.quality.rng import generator
from posembed.quality.tasks.retrieval_set import RetrievalSet
from posembed.quality.texts import load_texts
from posembed.statistics import bootstrap_interval, difference

DOCUMENTS, POOL = 200, 100
LENGTHS = (1024, 2048)
SYSTEMS = ("truncated", "averaged", "calibrated")
# Common names: each first name stands in five of a hundred documents, so half a name is not enough.
FIRST = (
    *("Alice", "Peter", "Maria", "George", "Helen", "Frank", "Julia", "Simon", "Laura"),
    *("Martin", "Nina", "Paul", "Sarah", "Tom", "Emma", "Victor", "Ruth", "Henry"),
)
LAST = (
    *("Brown", "Miller", "Cook", "Hill", "Turner", "Ward", "Price", "Stone", "Mason"),
    *("Fox", "Lane", "Bell", "Hunt", "Wells", "Page", "Shaw", "Webb", "Dean"),
)
# Name, filler (None: running text of the test documents), evidence, question.
KINDS = (
    (
        "code, quiet sentences",
        "Nothing happens here. The clock ticks on the wall. A chair stands by the window. It is an ordinary day. ",
        "{person}'s access code is {key}. Keep it safe. The code {key} belongs to {person}.",
        "Which access code belongs to {person}?",
    ),
    (
        "room, list of goods",
        "Apples and pears, two boxes. Flour, ten sacks. Nails and screws, mixed. Paint, white, four tins. ",
        "Note: {person} stays in room {key} until Friday. Send letters for {person} to room {key}.",
        "In which room does {person} stay?",
    ),
    (
        "phone, prose",
        None,
        "You reach {person} by telephone, the number is {key}. Again, {person} has the number {key}.",
        "What is the telephone number of {person}?",
    ),
)


def documents(
    kind: tuple[str, str | None, str, str], length: int, embedder: Embedder, texts: list[list[int]]
) -> RetrievalSet:
    """200 documents of a length with a query each, ranked among 100."""
    name, filler, evidence, question = kind
    rng = generator("other passkeys", name, length)
    people = [f"{first} {last}" for first in FIRST for last in LAST]
    people = [people[number] for number in rng.permutation(len(people))[:DOCUMENTS]]
    body = length - embedder.special
    stream = np.concatenate([np.asarray(text, dtype=np.int64) for text in texts])
    made, queries = [], []
    for person in people:
        own = embedder.encode(evidence.format(person=person, key=int(rng.integers(10000, 100000))))
        room = body - len(own)
        begin = int(rng.integers(len(stream) - room))
        haystack = stream[begin : begin + room] if filler is None else np.resize(embedder.encode(filler), room)
        at = int(rng.integers(room + 1))
        made.append((*haystack[:at].tolist(), *own, *haystack[at:].tolist()))
        queries.append(tuple(embedder.encode(question.format(person=person))))
    return RetrievalSet(tuple(made), tuple(queries), (0,) * DOCUMENTS, POOL)


def measure(checkpoint: str, averaged: Path, calibrated: Path, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Accuracy of a table that was not trained, and of the calibrated one, on the same documents."""
    original = load_embedder(checkpoint, precision="bf16")
    texts = [original.encode(text) for text in load_texts("stdlib")["test"]]
    tables = {"averaged": load_embedder(averaged, precision="bf16")}
    tables["calibrated"] = load_embedder(calibrated, precision="bf16")
    cells = []
    for kind in KINDS:
        for length in LENGTHS:
            made = documents(kind, length, original, texts)
            queries = original.embed(made.queries)
            found = {name: hits(made, each.embed(made.documents), queries) * 1.0 for name, each in tables.items()}
            cut = original.embed_truncated(made.documents, 512)
            found["truncated"] = hits(made, cut, queries) * 1.0
            cell = {name: bootstrap_interval(values) for name, values in found.items()}
            gain = difference(found["calibrated"], found["averaged"])
            cells.append({"kind": kind[0], "length": length, **cell, "gain": gain})
            tell(f"{kind[0]}, {length}: " + ", ".join(f"{name} {v['mean']:.3f}" for name, v in cell.items()))
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("calibrated", type=Path)
    parser.add_argument("--averaged", type=Path, required=True, help="the checkpoint extended without training")
    given = parser.parse_args()
    torch.set_num_threads(2)
    print(json.dumps(measure(given.checkpoint, given.averaged, given.calibrated, print), indent=1))


if __name__ == "__main__":
    main()
