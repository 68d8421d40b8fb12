"""Names of invented people, things, places and filler sentences for passkeys and needles."""

from __future__ import annotations

from typing import get_args

import numpy as np

from posembed.errors import InvalidArgumentError
from posembed.quality.rng import generator
from posembed.records.choices import Split

FIRST = (
    *("Ada", "Bruno", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Katja", "Luis", "Mira"),
    *("Nils", "Olga", "Pavel", "Rosa", "Samir", "Tilda", "Umar", "Vera", "Walid", "Yara", "Zeno", "Amira", "Boris"),
    *("Celia", "Daniel", "Edith", "Felix", "Gina", "Hassan", "Irma", "Jakob", "Leila", "Marco", "Nadia", "Oscar"),
    *("Petra", "Quentin", "Rahel", "Stefan"),
)
LAST = (
    *("Abbott", "Berger", "Castro", "Dubois", "Eriksen", "Fischer", "Garcia", "Hoffman", "Ivanov", "Jensen", "Keller"),
    *("Larsen", "Meyer", "Novak", "Olsen", "Peters", "Quinn", "Rossi", "Schmidt", "Tanaka", "Ullmann", "Vogel"),
    *("Wagner", "Young", "Zimmer", "Adler", "Baker", "Conti", "Duarte", "Engel", "Ferrari", "Graham", "Horvat"),
    *("Ito", "Jordan", "Kowalski", "Lindgren", "Moreau", "Nilsson", "Ortega", "Petrov", "Ricci"),
)
THINGS = (
    *("violin", "passport", "blue lantern", "silver coin", "old map", "green umbrella", "spare key", "chess set"),
    *("wooden box", "camera", "red scarf", "telescope", "stamp album", "brass bell", "sewing kit", "travel diary"),
    *("pocket watch", "glass bottle", "leather bag", "garden shears"),
)
PLACES = (
    *("under the stairs", "in the attic", "behind the piano", "in the garden shed", "on the top shelf"),
    *("in the kitchen drawer", "beside the fireplace", "in the cellar", "under the bed", "in the boat house"),
    *("behind the mirror", "in the glove box", "at the bakery", "in the school library", "next to the printer"),
)
# Filler sentences of passkey documents, repeated to the wanted length, as in Mohtashami & Jaggi 2023, arXiv:2305.16300.
# Results depend on the filler, so there are several kinds, and no two splits share one.
FILLERS = {
    "train": (
        "The field is flat. The milk is cold. The stone is grey. They sit by the fire. It burns low and slow. ",
        "Soap and towels, one shelf. Rope, two rolls. Candles, assorted. Oil, ten cans, black. ",
        "Platform one, eight fifteen, on time. Platform two, nine o'clock, delayed. Platform four, cancelled. ",
        "In those days the mill still turned, and on summer evenings people came down to the water to talk. ",
    ),
    "validation": (
        "The river is wide. The bread is warm. The hill is steep. We walk along the road. It leads away and back. "
        "The lamp is lit. The door is open. ",
        "Onions, three kilos. Vinegar and salt. Paper bags, brown, five hundred. Matches, one carton. ",
        "Monday closed. Tuesday nine to five. Wednesday nine to six, lunch at noon. Saturday on request. ",
        "Once upon a time there was a small house near a lake. Birds were singing, and the wind moved the leaves of "
        "the old trees. Nobody came by. ",
    ),
    "test": (
        "The snow is soft. The cup is empty. A dog sleeps in the yard. Some clouds pass over the roof. It is quiet. ",
        "Item: wool, green, six balls. Item: buttons, mixed, one jar. Item: thread, white. Item: needles, two sets. ",
        "First heat the oven, then stir the flour into the butter. Add the eggs one by one and let it rest. ",
        "The afternoon went by slowly, as afternoons in that town always did; the shops were shut, and a cart rolled "
        "down the lane towards the harbour. ",
    ),
}


def draw_names(split: Split, count: int, rng: np.random.Generator) -> list[str]:
    """Return full names in random order, each once; no other split has any of them.

    Raises:
        InvalidArgumentError: if more are wanted than a split has.
    """
    splits: tuple[Split, ...] = get_args(Split)
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    order = generator("people").permutation(len(names))
    own = [names[number] for number in order[splits.index(split) :: len(splits)]]
    if count > len(own):
        raise InvalidArgumentError(f"documents={count} is more than the {len(own)} names of a split")
    return [own[number] for number in rng.permutation(len(own))[:count]]
