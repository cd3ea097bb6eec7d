"""What the processor multiplies in hardware: decides where bfloat16 is faster than float32."""

from __future__ import annotations

from pathlib import Path


def has_fast_bf16() -> bool:
    """Say whether this CPU multiplies bfloat16 matrices in hardware (AMX tiles or AVX-512 BF16)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
    return " amx_bf16" in flags or " avx512_bf16" in flags
