import numpy as np
import pytest
import torch

from posembed.lab.losses import token_losses
from posembed.lab.model import LabModel
from posembed.lab.trainer import Trainer
from posembed.records.compare import ENCODINGS
from posembed.windows import IGNORED, cut_windows


@pytest.fixture
def trainer(config, corpus):
    def make(**settings):
        own = config(**settings)
        return Trainer(own, corpus, LabModel(own, corpus.vocab_size))

    return make


def train(trainer, tmp_path):
    return trainer.train(tmp_path / "checkpoint.pt", lambda _: None, lambda: False, 1e9)


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_every_encoding_gets_the_same_batches(trainer, kind):
    arms = [trainer(encoding=encoding, model=kind) for encoding in ENCODINGS]
    for step in (0, 1, 7):
        batches = [arm.batch(step) for arm in arms]
        for inputs, targets in batches[1:]:
            assert torch.equal(inputs, batches[0][0])
            assert torch.equal(targets, batches[0][1])
    assert not torch.equal(arms[0].batch(0)[0], arms[0].batch(1)[0])
    assert not torch.equal(arms[0].batch(0)[0], trainer(model=kind, seed=1).batch(0)[0])


def test_a_batch_is_training_text(trainer, corpus):
    arm = trainer(batch_size=64)
    text = corpus.train.tobytes()
    for step in range(3):
        inputs, targets = arm.batch(step)
        assert inputs.shape == targets.shape == (64, 16)
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        for row in torch.cat((inputs, targets[:, -1:]), dim=1).numpy().astype(np.int32):
            assert row.tobytes() in text


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_the_loop_against_plain_pytorch(trainer, config, corpus, kind):
    """Three steps written out: cross-entropy, clipping, AdamW without its fused kernel."""
    settings = {"model": kind, "weight_decay": 0.5, "gradient_clip": 0.3, "learning_rate": 0.01}
    ours = trainer(**settings)
    model = LabModel(config(**settings), corpus.vocab_size)
    decayed = [p for n, p in model.named_parameters() if n.endswith("weight") and p.dim() == 2 and "embed" not in n]
    assert len(decayed) == 5  # qkv, out, up, down, head
    kept = [p for p in model.parameters() if all(p is not q for q in decayed)]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.5}, {"params": kept, "weight_decay": 0.0}],
        betas=(0.9, 0.95),
        foreach=False,
    )
    for step, rate in enumerate((0.005, 0.01, 0.01)):  # two steps of warm-up, then the peak
        inputs, targets = ours.batch(step)
        log_probabilities = model(inputs).log_softmax(dim=-1)
        wanted = targets != IGNORED
        loss = -log_probabilities[wanted].gather(1, targets[wanted][:, None]).mean()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.stack([p.grad.square().sum() for p in model.parameters()]).sum().sqrt()
        assert norm > 0.3  # so clipping shows
        for parameter in model.parameters():
            parameter.grad.mul_(0.3 / norm)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        assert ours.update().item() == pytest.approx(loss.item(), rel=1e-5)
    assert ours.step == 3
    for name, parameter in ours.model.named_parameters():
        torch.testing.assert_close(parameter, model.get_parameter(name), rtol=1e-3, atol=2e-5)


def test_the_learning_rate(trainer):
    arm = trainer(steps=110, warmup_steps=10, learning_rate=0.5)
    assert [arm.learning_rate(step) for step in (0, 4, 9)] == pytest.approx([0.05, 0.25, 0.5])
    assert [arm.learning_rate(step) for step in (10, 60, 110)] == pytest.approx([0.5, 0.275, 0.05])
    assert arm.learning_rate(35) == pytest.approx(0.05 + 0.45 * np.cos(np.pi / 8) ** 2)
    rates = [arm.learning_rate(step) for step in range(10, 111)]
    assert rates == sorted(rates, reverse=True)
    assert trainer(warmup_steps=0).learning_rate(0) == pytest.approx(1e-3)


def test_the_curve(trainer, corpus, tmp_path):
    arm, losses = trainer(steps=10, evaluations=4), []
    update = arm.update
    arm.update = lambda: losses.append(update()) or losses[-1]
    assert train(arm, tmp_path) == ""
    assert [point.step for point in arm.curve] == [2, 5, 8, 10]
    for (begin, end), point in zip([(0, 2), (2, 5), (5, 8), (8, 10)], arm.curve, strict=True):
        assert point.train == pytest.approx(torch.stack(losses[begin:end]).mean().item(), rel=1e-6)
    windows = cut_windows(corpus.validation, 16, 1, 64)
    found = token_losses(arm.model, windows, corpus, arm.config)
    assert arm.curve[-1].validation == pytest.approx(found.mean(), rel=1e-6)


def test_precision(trainer, tmp_path):
    logits = {}
    for precision in ("fp32", "bf16"):
        arm = trainer(precision=precision)
        with arm.autocast():
            logits[precision] = arm.forward(arm.batch(0)[0])
        assert train(arm, tmp_path / precision) == ""
        assert all(p.dtype == torch.float32 for p in arm.model.parameters())
    assert logits["fp32"].dtype == torch.float32
    assert logits["bf16"].dtype == torch.bfloat16
    torch.testing.assert_close(logits["bf16"].float(), logits["fp32"], rtol=0.05, atol=0.02)
