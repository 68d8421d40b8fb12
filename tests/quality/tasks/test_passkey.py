"""Documents that hide a pass key."""

import re

import numpy as np

from posembed.quality.tasks.names import FILLERS
from posembed.quality.tasks.passkey import PASSKEY
from posembed.quality.tasks.task import Place


def test_the_key_is_in_the_document_and_not_in_the_query(request_of, stream):
    compose = PASSKEY.prepare(request_of(), stream)
    document, query = (bytes(ids).decode() for ids in compose(Place(0, "Ada Berger", 0.5), np.random.default_rng(0)))
    match = re.search(
        r"The pass key of Ada Berger is (\d{5})\. Remember it\. \1 is the pass key of Ada Berger\.", document
    )
    assert match is not None
    assert abs(match.start() - (500 - len(match[0])) / 2) <= 1
    assert query == "What is the pass key of Ada Berger?"
    assert len(document) == 500


def test_each_pool_has_the_next_filler(request_of, stream):
    compose = PASSKEY.prepare(request_of(documents=30), stream)
    for number in range(30):
        document, _ = compose(Place(number, "Ada Berger", 1.0), np.random.default_rng(0))
        assert bytes(document).decode().startswith(FILLERS["test"][number // 5 % 4][:20])


def test_keys_have_five_digits(request_of):
    compose = PASSKEY.prepare(request_of(), np.zeros(0, dtype=np.int64))
    rng = np.random.default_rng(0)
    keys = [int(re.search(r"\d+", bytes(compose(Place(0, "A", 0.5), rng)[0]).decode())[0]) for _ in range(3000)]
    assert 10_000 <= min(keys) < 10_300
    assert 99_700 < max(keys) < 100_000
