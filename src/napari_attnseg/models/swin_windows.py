"""Compute Swin's windows with fewer copies; results are equal to the last bit.

timm shifts a map and then cuts it into windows, which makes two copies, and in every
pass it adds up the biases and masks of the attention. Here a map is copied only once,
and the sum is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def spare_copies(network: nn.Module) -> None:
    """Let the Swin blocks of a network use this code in eval mode, in place.

    A block that timm builds in another way stays as it is. The sums take memory: 98 MB
    for Swin-B at 384 pixels.
    """
    for block in network.modules():
        if type(block).__name__ == "SwinTransformerBlock" and _fits(block):
            # In place of the method: nn.Module's types know tensors and modules only.
            vars(block)["_attn"] = _Windows(block)


def _fits(block: Any) -> bool:
    own = ("_attn", "attn", "attn_mask", "input_resolution", "shift_size")
    attention = ("qkv", "proj", "num_heads", "_get_rel_pos_bias", "window_area")
    if not all(hasattr(block, name) for name in (*own, "window_size")):
        return False
    if not all(hasattr(block.attn, name) for name in attention):
        return False
    sides = zip(block.input_resolution, block.window_size, strict=True)
    whole = all(side % window == 0 for side, window in sides)
    known = bool(block.attn.fused_attn) and not getattr(block, "dynamic_mask", False)
    return whole and known and not isinstance(block._attn, _Windows)


@contextmanager
def _of_no_mode() -> Iterator[None]:
    """For tensors that are kept: one of inference mode has no place in a gradient."""
    with torch.inference_mode(False), torch.no_grad():
        yield


class _Windows:
    """Stands for the method ``_attn`` of one block."""

    def __init__(self, block: Any) -> None:
        self._block = block
        (height, width), (rows, columns) = block.input_resolution, block.window_size
        places = torch.arange(height * width).view(height, width)
        back = [-by for by in block.shift_size]
        shifted = places.roll(back, (0, 1))
        tiles = shifted.view(height // rows, rows, width // columns, columns)
        self._there = tiles.transpose(1, 2).reshape(-1)
        self._back = self._there.argsort()
        self._kept: tuple[Tensor, int, Tensor] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what is kept: a copy's parameters may become others."""
        return {**self.__dict__, "_kept": None}

    def __call__(self, maps: Tensor) -> Tensor:
        """(N, H, W, C) → attention within windows, (N, H, W, C)."""
        block, attention = self._block, self._block.attn
        count, height, width, channels = maps.shape
        trained = attention.relative_position_bias_table.requires_grad
        learns = block.training or (torch.is_grad_enabled() and trained)
        if learns or (height, width) != tuple(block.input_resolution):
            found: Tensor = type(block)._attn(block, maps)
            return found
        if self._there.device != maps.device:
            with _of_no_mode():
                self._there = self._there.to(maps.device)
                self._back = self._back.to(maps.device)
        area = attention.window_area
        flat = maps.reshape(count, height * width, channels)
        windows = flat.index_select(1, self._there).view(-1, area, channels)
        qkv = attention.qkv(windows).unflatten(2, (3, attention.num_heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        bias = self._bias()
        if len(bias) > 1 and count > 1:
            bias = bias.repeat(count, 1, 1, 1)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        seen = attention.proj(seen.transpose(1, 2).reshape(-1, area, channels))
        seen = seen.reshape(count, height * width, channels)
        joined: Tensor = seen.index_select(1, self._back).view(maps.shape)
        return joined

    def _bias(self) -> Tensor:
        """(windows or 1, heads, area, area): relative position bias and mask."""
        attention, mask = self._block.attn, self._block.attn_mask
        table: Tensor = attention.relative_position_bias_table
        version = 0 if table.is_inference() else table._version
        if self._kept is not None:
            of, its_version, kept = self._kept
            if of is table and its_version == version and kept.device == table.device:
                return kept
        with _of_no_mode():
            bias: Tensor = attention._get_rel_pos_bias()
            if mask is not None:
                bias = bias + mask.unsqueeze(1)
        self._kept = table, version, bias
        return bias
