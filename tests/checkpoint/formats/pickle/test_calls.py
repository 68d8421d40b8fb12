"""Which calls are data: those of training checkpoints; everything that acts is refused."""

import pytest

from posembed.checkpoint.formats.pickle.calls import makes_data, may_be_named
from posembed.checkpoint.formats.pickle.nodes import Global


@pytest.mark.parametrize(
    "name",
    [
        "torch._utils._rebuild_tensor_v2",
        "argparse.Namespace",
        "pathlib.PosixPath",
        "pathlib._local.PosixPath",
        "omegaconf.base.Metadata",
    ],
)
def test_settings_and_tensors_are_data(name):
    assert makes_data(Global(*name.rsplit(".", 1)), "reduce")


@pytest.mark.parametrize(
    "name",
    [
        *("os.system", "posix.system", "builtins.eval", "builtins.getattr", "io.open", "torch.load", "torch.hub.load"),
        *("my_project.train.main", "transformers.pipelines.pipeline", "functools.partial", "operator.attrgetter"),
    ],
)
def test_functions_that_act_are_not(name):
    assert not makes_data(Global(*name.rsplit(".", 1)), "reduce")


def test_an_instance_of_any_class_is_data_and_a_call_of_it_is_not():
    config = Global("my_project.model", "GPTConfig")
    assert makes_data(config, "new")
    assert not makes_data(config, "reduce")
    assert not makes_data(Global("subprocess", "Popen"), "new")


def test_what_acts_may_not_even_be_mentioned():
    assert not may_be_named(Global("builtins", "exec"))
    assert may_be_named(Global("builtins", "set"))
