"""Attention over packed rows: each row sees the shared prefix and itself, nothing is padded on a CPU."""

from __future__ import annotations

from typing import Any

from knowhow.training.packing import Layout

NAME = "knowhow_packed"


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
    """Row by row: no padding and no mask, except where a prefix stands before the row."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    prefix, parts, start = layout.prefix, [], layout.prefix
    if prefix:
        head = slice(0, prefix)
        parts.append(
            scaled_dot_product_attention(
                query[:, :, head], key[:, :, head], value[:, :, head], is_causal=True, scale=scaling
            )
        )
    for length in layout.lengths:
        own = slice(start, start + length)
        keys, values, mask = key[:, :, own], value[:, :, own], None
        if prefix:
            keys = torch.cat([key[:, :, :prefix], keys], dim=2)
            values = torch.cat([value[:, :, :prefix], values], dim=2)
            mask = torch.ones(length, prefix + length, dtype=torch.bool).tril(prefix)
        parts.append(
            scaled_dot_product_attention(
                query[:, :, own], keys, values, attn_mask=mask, is_causal=mask is None, scale=scaling
            )
        )
        start += length
    return torch.cat(parts, dim=2)


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
