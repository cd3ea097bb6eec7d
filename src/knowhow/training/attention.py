"""Attention over packed rows: each row sees the shared prefix and itself, nothing is padded on a CPU."""

from __future__ import annotations

from typing import Any

from knowhow.training.packing import Layout

NAME = "knowhow_packed"
PLAIN_SCORES = 1_000_000
"""Scores per head and row up to which plain matrix products may be used."""


def install() -> str:
    """Make packed attention known to transformers and return its name; without a layout it is plain causal attention."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)
    return NAME


def packed_attention(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    layout: Layout | None = None,
    **_: Any,
) -> tuple[Any, None]:
    """Attend within each row of the packed batch; tensors are (1, heads, tokens, width), the result (1, tokens, heads, width)."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    layout = layout or Layout(0, (query.shape[2],))
    attend = _attend_rows if query.device.type == "cpu" else _attend_padded
    return attend(query, key, value, layout, scaling).transpose(1, 2).contiguous(), None


def _attend_rows(query: Any, key: Any, value: Any, layout: Layout, scaling: float | None) -> Any:
    """Row by row, so that nothing is padded."""
    import torch

    prefix, parts, start = layout.prefix, [], layout.prefix
    if prefix:
        head = slice(0, prefix)
        parts.append(_attend(query[:, :, head], key[:, :, head], value[:, :, head], scaling))
    for length in layout.lengths:
        own = slice(start, start + length)
        keys, values = key[:, :, own], value[:, :, own]
        if prefix:
            keys = torch.cat([key[:, :, :prefix], keys], dim=2)
            values = torch.cat([value[:, :, :prefix], values], dim=2)
        parts.append(_attend(query[:, :, own], keys, values, scaling))
        start += length
    return torch.cat(parts, dim=2)


def _attend(query: Any, key: Any, value: Any, scaling: float | None) -> Any:
    """Causal attention of the last tokens of a sequence over all of it.

    In bfloat16 plain matrix products use the CPU's tiles, which torch's fused kernel does not (measured: half the time forward and
    backward at 500 tokens); in float32, and where the scores would fill memory, the fused kernel is better.
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    length, seen = query.shape[2], key.shape[2]
    if query.dtype == torch.bfloat16 and length * seen <= PLAIN_SCORES:
        hidden = torch.full((length, seen), float("-inf"), dtype=query.dtype).triu(seen - length + 1)
        scale = scaling if scaling is not None else query.shape[-1] ** -0.5
        scores = torch.baddbmm(
            hidden.expand(query.shape[1], -1, -1), query[0], key[0].transpose(1, 2), alpha=scale
        )
        return torch.bmm(torch.softmax(scores, dim=-1), value[0]).unsqueeze(0)
    if length == seen:
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
    mask = torch.ones(length, seen, dtype=torch.bool).tril(seen - length)
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)


def _attend_padded(query: Any, key: Any, value: Any, layout: Layout, scaling: float | None) -> Any:
    """All rows in one call, padded to the longest: many small kernels cost an accelerator more than padding does."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    places, valid = _row_places(layout, query.device)

    def spread(tensor: Any) -> Any:
        return tensor[0].transpose(0, 1)[places].transpose(1, 2)

    longest = places.shape[1]
    causal = torch.ones(longest, longest, dtype=torch.bool, device=query.device).tril()
    out = scaled_dot_product_attention(
        spread(query), spread(key), spread(value), attn_mask=causal, scale=scaling
    )
    flat = out.transpose(1, 2)[valid]
    target = places[valid]
    if layout.prefix:
        keep = torch.ones_like(target, dtype=torch.bool)
        rows = valid.nonzero()
        keep[(rows[:, 0] > 0) & (rows[:, 1] < layout.prefix)] = False
        flat, target = flat[keep], target[keep]
    order = torch.argsort(target)
    return flat[order].transpose(0, 1).unsqueeze(0)


def _row_places(layout: Layout, device: Any) -> tuple[Any, Any]:
    """Return (rows, longest) places into the packed tokens with the prefix before every row, and which of them are real."""
    import torch

    longest = layout.prefix + max(layout.lengths)
    places = torch.zeros(len(layout.lengths), longest, dtype=torch.long)
    valid = torch.zeros(len(layout.lengths), longest, dtype=torch.bool)
    start = layout.prefix
    for row, length in enumerate(layout.lengths):
        places[row, : layout.prefix] = torch.arange(layout.prefix)
        places[row, layout.prefix : layout.prefix + length] = torch.arange(start, start + length)
        valid[row, : layout.prefix + length] = True
        start += length
    return places.to(device), valid.to(device)
