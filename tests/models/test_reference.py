"""Gate, fusion and decoder against the paper's equations written out plainly."""

import numpy as np
import torch
from torch import nn

from napari_attnseg.models.decoder import UnetDecoder
from napari_attnseg.models.fusion import FUSIONS, TransformerGuided
from napari_attnseg.models.gates import AttentionGate


def randomise(module: nn.Module) -> None:
    """Parameters and BatchNorm statistics that no default could hide behind."""
    generator = torch.Generator().manual_seed(3)
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = torch.rand(tensor.shape, generator=generator) + 0.1
            tensor.data[::2] *= 0.5


def conv1x1(x: np.ndarray, conv: nn.Conv2d) -> np.ndarray:
    weight = conv.weight.detach().double().numpy()[:, :, 0, 0]
    bias = conv.bias.detach().double().numpy()
    return np.einsum("oi,nihw->nohw", weight, x) + bias[:, None, None]


def batch_norm(x: np.ndarray, norm: nn.BatchNorm2d) -> np.ndarray:
    mean, var, gamma, beta = (
        t.detach().double().numpy()[:, None, None]
        for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (x - mean) / np.sqrt(var + norm.eps) * gamma + beta


def plain_gate(x: np.ndarray, g: np.ndarray, gate: AttentionGate) -> np.ndarray:
    """Equation 3.1, and the released code's extra norm where the gate has it."""
    joint = batch_norm(conv1x1(g, gate.w_g[0]), gate.w_g[1])
    joint = np.maximum(joint + batch_norm(conv1x1(x, gate.w_x[0]), gate.w_x[1]), 0)
    score = conv1x1(joint, gate.psi[0])
    if isinstance(gate.psi[1], nn.BatchNorm2d):
        score = batch_norm(score, gate.psi[1])
    return 1 / (1 + np.exp(-score))


def test_gate_is_equation_3_1() -> None:
    x, g = torch.randn(2, 2, 6, 5, 7)
    for psi_norm in (False, True):
        gate = AttentionGate(6, 6, 4, psi_norm).eval()
        randomise(gate)
        expected = plain_gate(x.double().numpy(), g.double().numpy(), gate)
        found = gate(x, g).detach().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert expected.std() > 1e-3


def test_a_smooth_gate_averages_before_its_sigmoid() -> None:
    x, g = torch.randn(2, 2, 6, 5, 7)
    gate, smooth = AttentionGate(6, 6, 4), AttentionGate(6, 6, 4, window=3)
    randomise(gate)
    smooth.load_state_dict(gate.state_dict())  # no parameters of its own
    psi = plain_gate(x.double().numpy(), g.double().numpy(), gate.eval())
    score = np.log(psi / (1 - psi))
    at = np.pad(score, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    near = [at[..., i : i + 5, j : j + 7] for i in range(3) for j in range(3)]
    expected = 1 / (1 + np.exp(-np.nanmean(near, axis=0)))  # at the edge of fewer
    found = smooth.eval()(x, g).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_fusion_is_equation_3_2() -> None:
    fusion = TransformerGuided(6).eval()
    randomise(fusion)
    x, g = torch.randn(2, 2, 6, 5, 7)
    fused, psi = fusion(x, g)
    expected = plain_gate(x.double().numpy(), g.double().numpy(), fusion.gate)
    np.testing.assert_allclose(psi.detach().numpy(), expected, atol=1e-5)
    expected = expected * x.numpy() + (1 - expected) * g.numpy()
    np.testing.assert_allclose(fused.detach().numpy(), expected, atol=1e-5)


def test_other_fusions_are_the_papers() -> None:
    x, g = torch.randn(2, 2, 16, 5, 7)
    cnn, vit = x.double().numpy(), g.double().numpy()
    found = {}
    for name, cls in FUSIONS.items():
        fusion = cls(16).eval()
        randomise(fusion)
        with torch.no_grad():
            fused, psi = fusion(x, g)
        assert psi.shape[1] == len(cls.gates)
        found[name] = fusion, psi.numpy(), fused.numpy()
    np.testing.assert_array_equal(found["none"][2], np.concatenate([x, g], 1))
    fusion, psi, fused = found["cnn_guided"]
    expected = plain_gate(vit, cnn, fusion.gate)
    np.testing.assert_allclose(psi, expected, atol=1e-5)
    np.testing.assert_allclose(fused, expected * vit + (1 - expected) * cnn, atol=1e-5)
    for name in ("double_attention", "double_weighted"):
        fusion, psi, fused = found[name]
        assert fusion.cnn_gate.w_x[0].out_channels == 2  # an eighth
        a = plain_gate(cnn, vit, fusion.cnn_gate)
        b = plain_gate(vit, cnn, fusion.transformer_gate)
        np.testing.assert_allclose(psi, np.concatenate([a, b], 1), atol=1e-5)
        rest = name == "double_weighted"
        parts = [a * cnn + rest * (1 - a) * vit, b * vit + rest * (1 - b) * cnn]
        np.testing.assert_allclose(fused, np.concatenate(parts, 1), atol=1e-5)


def plain_upsample(x: np.ndarray) -> np.ndarray:
    """Bilinear ×2 with half-pixel centres: output pixel i is at (i + .5) / 2 − .5."""
    for axis in (2, 3):
        n = x.shape[axis]
        at = np.clip((np.arange(2 * n) + 0.5) / 2 - 0.5, 0, n - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, n - 1)
        shape = [1] * 4
        shape[axis] = 2 * n
        share = (at - low).reshape(shape)
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def plain_conv(x: np.ndarray, block: nn.Sequential) -> np.ndarray:
    """3×3 convolution with bias, BatchNorm, ReLU."""
    weight = block[0].weight.detach().double().numpy()
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    h, w = x.shape[2:]
    out = sum(
        np.einsum(
            "oi,nihw->nohw", weight[:, :, i, j], padded[..., i : i + h, j : j + w]
        )
        for i in range(3)
        for j in range(3)
    )
    out = out + block[0].bias.detach().double().numpy()[:, None, None]
    return np.maximum(batch_norm(out, block[1]), 0)


def test_decoder_is_the_papers() -> None:
    decoder = UnetDecoder((2, 3, 4, 5), (6, 4, 3), (3, 2), classes=2).eval()
    randomise(decoder)
    fused = [
        torch.randn(1, c, s, s)
        for c, s in zip((2, 3, 4, 5), (16, 8, 4, 2), strict=True)
    ]
    x = fused[3].double().numpy()
    for block, skip in zip(decoder.blocks, (fused[2], fused[1], fused[0]), strict=True):
        x = np.concatenate([plain_upsample(x), skip.double().numpy()], axis=1)
        x = plain_conv(plain_conv(x, block[0]), block[1])
    for conv in decoder.head:
        x = plain_conv(plain_upsample(x), conv)
    expected = conv1x1(x, decoder.logits)
    found = decoder(fused).detach().numpy()
    assert found.shape == (1, 2, 64, 64)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
