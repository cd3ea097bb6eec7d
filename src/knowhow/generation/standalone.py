"""Make the last turn of a conversation a question that can be searched for by itself.

"And for children?" finds nothing: what it is about stands in the turns before. Without a model the words that carry the topic are
carried over: those of the last questions, and those of the last answer that they were about. A question that already stands alone is
left as it is, because added words pull retrieval back to the old topic.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from knowhow.language import is_cjk
from knowhow.types import Message, Query, Role

_CARRIED = 14
"""Words (or Chinese and Japanese terms) that are carried over at most; more of them drown the question itself."""
_SHORT = 5
"""A question with at most so many content words may lean on what was said before."""

_STOP = frozenset(
    re.findall(
        r"\S+",
        """a an the and or but if then so as of to in on at by for from with without about into over under up down out off
    is are was were be been being am do does did doing done have has had having can could will would shall should may might must
    i me my mine we us our you your yours he him his she her hers it its they them their theirs this that these those there here
    what which who whom whose when where why how please tell show give know want need like also too just only even really very much
    many more most some any all no not yes ok okay thanks thank hello hi hey say said mean means let get got go going make made
    one ones thing things else still again than 's""",
    )
)
_POINTING = re.compile(
    r"\b(it|its|they|them|their|theirs|this|that|these|those|he|him|his|she|her|hers|there|former|latter|same|such|ones?|above|previous)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^\s*(and|or|but|so|also|then|what about|how about|what else|why not|even|in that case|same for)\b",
    re.IGNORECASE,
)
_CJK_POINTING = re.compile(
    r"[它其这那此该]|他们|她们|前者|后者|上述|刚才|同样|這|"
    r"それ|これ|あれ|その|この|あの|そこ|ここ|そう|こう|同じ|彼ら|前述"
)
_CJK_LEADING = re.compile(
    r"^\s*(那么?|那|还有|另外|如果|要是|而|では|じゃあ?|それで|それなら|あと|また|なら)"
)
_CJK_STOP = re.compile(
    r"请问|請問|什么|什麼|怎么|怎麼|怎样|如何|多少|几个|哪些|哪个|哪里|为什么|可以|能否|是否|需要|想要|我们|你们|您好|谢谢|一下|吗|呢|吧|啊|的|了|是|在|有|和|与|或|我|你|您|"
    r"ください|でしょうか|ですか|ますか|ました|ません|ます|です|とは|何|どの|どう|いつ|どこ|なぜ|いくら|について|という|ある|する|した|して|こと|もの|から|まで|より|には|では|[はがをにのへとでもやか]"
)
_CJK_SPLIT = re.compile(r"[\s、。，．！？!?,.:：；;「」『』（）()《》〈〉・…—-]+")


def stand_alone(query: Query) -> Query:
    """Return the query with a text that can be searched for without its history; unchanged where it needs none."""
    if not query.history or not leans_back(query.text):
        return query
    carried = _carry(query.text, query.history)
    return replace(query, text=_join(carried, query.text)) if carried else query


def leans_back(text: str) -> bool:
    """Say whether a question cannot be understood without the turns before it: a pointing word, a leading "and", or few words."""
    if is_cjk(text):
        is_pointing = _CJK_POINTING.search(text) or _CJK_LEADING.search(text)
        return bool(is_pointing) or sum(map(len, _terms(text))) <= 3
    return bool(_LEADING.search(text) or _POINTING.search(text)) or len(_content(text)) < 3


def _carry(text: str, history: Sequence[Message]) -> list[str]:
    """Return the words that carry the topic, those said last first in rank but in the order in which they were said."""
    known = {word.casefold() for word in _terms(text)}
    chosen: list[list[str]] = []
    room = _CARRIED
    for turn in _topics(history):
        fresh = []
        for term in _terms(turn):
            if term.casefold() not in known and room > 0:
                known.add(term.casefold())
                fresh.append(term)
                room -= 1
        chosen.insert(0, fresh)
    return [term for terms in chosen for term in terms]


def _topics(history: Sequence[Message]) -> list[str]:
    """Return the questions that name the topic, newest first: back to the first that stands by itself."""
    found = []
    for turn in reversed(history):
        if turn.role is Role.USER:
            found.append(turn.content)
            if not leans_back(turn.content):
                break
    return found


def _terms(text: str) -> list[str]:
    return _cjk_terms(text) if is_cjk(text) else _content(text)


def _content(text: str) -> list[str]:
    """Return the words that say something, as they are written."""
    return [word for word in re.findall(r"[^\W_]+(?:[-'’.][^\W_]+)*", text) if word.casefold() not in _STOP]


def _cjk_terms(text: str) -> list[str]:
    parts = [part for piece in _CJK_SPLIT.split(text) for part in _CJK_STOP.split(piece)]
    return [part for part in parts if len(part) > 1 or (part and not is_cjk(part))]


def _join(carried: Sequence[str], text: str) -> str:
    return f"{' '.join(carried)} {text.strip()}"


__all__ = ["leans_back", "stand_alone"]
