"""Models with length-aware positions on several devices: each replica reads its own tables and its own mask."""

import copy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.nn.parallel import replicate
from transformers import BertConfig, BertForMaskedLM, OPTConfig, OPTModel

from posembed.commands.extend_model import extend_model
from posembed.errors import InvalidArgumentError

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 30}


def bert():
    torch.manual_seed(1)
    return BertForMaskedLM(BertConfig(**SMALL, max_position_embeddings=16, intermediate_size=16)).eval()


def opt():
    torch.manual_seed(1)
    return OPTModel(OPTConfig(**SMALL, max_position_embeddings=16, ffn_dim=16, word_embed_proj_dim=16)).eval()


def batch():
    ids = torch.randint(3, 28, (4, 30))
    mask = torch.ones_like(ids)
    for row, length in enumerate((5, 30, 16, 17)):
        mask[row, length:] = 0
    return ids, mask


@pytest.fixture
def broadcast(monkeypatch):
    """Copy parameters to "devices" of the CPU, as the library does it to those of CUDA; gradients come back."""
    monkeypatch.setattr(
        sys.modules["torch.nn.parallel.replicate"], "_broadcast_coalesced_reshape",
        lambda tensors, devices, *_, **__: [[each.clone() for each in tensors] for _ in devices],
    )  # fmt: skip


@pytest.mark.parametrize("make", [bert, opt])
def test_replicas_of_data_parallel(make, broadcast):
    model = make()
    extend_model(model, 32, method="linear", length_aware=True)
    alone = copy.deepcopy(model)
    ids, mask = batch()
    replicas = replicate(model, [0, 1])

    def run(number):
        rows = slice(2 * number, 2 * number + 2)
        return replicas[number](input_ids=ids[rows], attention_mask=mask[rows])[0]

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(run, [0, 1]))
    expected = alone(input_ids=ids, attention_mask=mask)[0]
    torch.testing.assert_close(torch.cat(results), expected)
    torch.cat(results).square().sum().backward()
    expected.square().sum().backward()
    gradients = [each.get_submodule(_path(each)).weight.grad for each in (model, alone)]
    torch.testing.assert_close(*gradients)
    assert gradients[0].abs().sum() > 0


def _path(model):
    return next(name for name, module in model.named_modules() if hasattr(module, "planned"))


def test_a_replica_reads_the_tables_of_its_own(broadcast):
    model = bert()
    extend_model(model, 32, method="linear", length_aware=True)
    ids, mask = batch()
    with torch.no_grad():
        first, second = replicate(model, [0, 1])
        second.get_submodule(_path(model)).weight.zero_()
        found = [each(input_ids=ids, attention_mask=mask).logits for each in (model, first, second)]
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


def test_a_forward_of_others_cannot_be_copied(broadcast):
    model = bert()
    model.bert.forward = model.bert.forward  # as device maps do
    extend_model(model, 32, method="linear", length_aware=True)
    with pytest.raises(InvalidArgumentError, match=r"replaced the forward of this BertModel, which nn\.DataParallel"):
        replicate(model, [0, 1])


DISTRIBUTED = """
import sys, torch
import torch.distributed as dist
sys.path.insert(0, sys.argv[4])
from tests.extension.test_length_aware_forward_parallel import batch, bert, _path
from posembed.commands.extend_model import extend_model
rank = int(sys.argv[1])
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
model = bert()
extend_model(model, 32, method="linear", length_aware=True)
torch.manual_seed(0)
ids, mask = batch()
parallel = torch.nn.parallel.DistributedDataParallel(model)
logits = parallel(input_ids=ids[2 * rank : 2 * rank + 2], attention_mask=mask[2 * rank : 2 * rank + 2]).logits
logits.square().sum().backward()
if rank == 0:
    torch.save((logits.detach(), {name: each.grad for name, each in model.named_parameters()}), sys.argv[3])
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes(tmp_path, request):
    """DistributedDataParallel averages the gradients of both processes' halves of a batch."""
    files = [str(tmp_path / "store"), str(tmp_path / "result.pt"), str(request.config.rootpath)]
    commands = [[sys.executable, "-c", DISTRIBUTED, str(rank), *files] for rank in (0, 1)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    errors = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    logits, gradients = torch.load(files[1])
    model = bert()
    extend_model(model, 32, method="linear", length_aware=True)
    torch.manual_seed(0)
    ids, mask = batch()
    expected = model(input_ids=ids, attention_mask=mask).logits
    torch.testing.assert_close(logits, expected[:2].detach())
    (expected.square().sum() / 2).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad)


def test_distributed_in_one_process(tmp_path):
    model = bert()
    extend_model(model, 32, method="linear", length_aware=True)
    alone = copy.deepcopy(model)
    ids, mask = batch()
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        parallel = torch.nn.parallel.DistributedDataParallel(model)
        found = parallel(input_ids=ids, attention_mask=mask).logits
        found.square().sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    expected = alone(input_ids=ids, attention_mask=mask).logits
    expected.square().sum().backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(each.get_submodule(_path(each)).weight.grad for each in (model, alone)))
