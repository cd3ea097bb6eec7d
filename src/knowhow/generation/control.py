"""Control strings: text that a chat model's tokenizer could take for the end of a turn or the start of another one."""

from __future__ import annotations

import re
from collections.abc import Iterable

BREAK = "\u2060"
"""WORD JOINER: put into a control string it is invisible to a reader and keeps the tokenizer from seeing the whole."""

_FAMILIES = re.compile(
    r"<\|[^<>|\s]{1,64}\|>"  # <|im_start|>, <|eot_id|>, <|endoftext|>
    r"|<｜[^<>｜\n]{1,64}｜>"  # the same with full-width bars
    r"|</?(?:s|bos|eos|pad|unk|mask|start_of_turn|end_of_turn|sop|eop|system|user|assistant|think|tool_call|tool_response)>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK|sMASK|MASK|CLS|SEP|PAD|UNK)\]"
    r"|<</?SYS>>",
    re.IGNORECASE,
)


def neutralise(text: str, strings: Iterable[str] = ()) -> str:
    """Return `text` with every control string of the known model families, and every one of `strings`, broken up.

    Used where the engine tokenises out of our sight; engines that tokenise here keep the text as it is and insert control
    tokens by id. Applying it twice changes nothing more.
    """
    broken = _FAMILIES.sub(lambda match: _break(match[0]), text)
    for string in sorted(strings, key=len, reverse=True):
        if string.strip() and string in broken:
            broken = broken.replace(string, _break(string))
    return broken


def _break(string: str) -> str:
    return string[0] + BREAK + string[1:] if len(string) > 1 else BREAK + string
