import sys

import pytest


def test_a_process_that_has_imported_pydantic(cli):
    pydantic = pytest.importorskip("pydantic")
    assert sys.modules["pydantic"] is pydantic
    code, _, err = cli("evaluate", "/nowhere/model", "--lengths", "64")
    assert code == 2
    assert err == "posembed: /nowhere/model has no config.json: name the directory of a Transformers model\n"
    assert sys.modules["pydantic"] is pydantic
