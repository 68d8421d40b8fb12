"""Invented people, things and places, and plain sentences: what passkeys and needles are made of."""

from __future__ import annotations

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
# Filler of passkey documents: it says nothing, again and again, as in Mohtashami & Jaggi 2023, arXiv:2305.16300.
FILLER = (
    "The river is wide. The bread is warm. The hill is steep. We walk along the road. It leads away and back. "
    "The lamp is lit. The door is open. "
)
