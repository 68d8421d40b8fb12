"""What the census saw a model read is never called unused: all architectures, by their default configurations.

The truth is behavior (``python -m benchmarks.census.truth``); no law of posembed goes into it.
"""

import json
from pathlib import Path

import pytest
from transformers import CONFIG_MAPPING

import benchmarks.census
from posembed.checkpoint.tensors import StoredTensor
from posembed.find.search import find_in
from tests.find.test_search_census import READ_BY_A_PART

TRUTH = json.loads((Path(benchmarks.census.__file__).parent / "truth.json").read_text(encoding="utf-8"))
TABLES = {name: record["tables"] for name, record in TRUTH.items() if record.get("tables")}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def unused(key, shape, config):
    found = find_in({key: StoredTensor(key, tuple(shape), "F32", Path("f"))}, config)
    return [table.unused for table in found if table.unused is not None]


@pytest.mark.parametrize("model_type", TABLES)
@pytest.mark.parametrize("brief", [False, True], ids=["whole", "brief"])
def test_what_is_read_is_not_unused(model_type, brief):
    """Transformers saves only the fields that differ from their defaults (``brief``): the laws must know these."""
    config = CONFIG_MAPPING[model_type]()
    fields = json.loads(config.to_json_string(use_diff=brief)) | {"model_type": config.model_type}
    for key, seen in TABLES[model_type].items():
        reasons = unused(key, seen.get("default_shape") or seen["shape"], fields)
        assert bool(reasons) is ((model_type, key) in READ_BY_A_PART), reasons


def test_the_census_is_large():
    assert len(TABLES) > 280
