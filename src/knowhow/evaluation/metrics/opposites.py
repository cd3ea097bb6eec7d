"""Words that turn a statement around: negations and pairs of opposites, for English, Chinese and Japanese."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_NEGATION_TEXT = (
    "not no never none nobody nothing neither nor without cannot can't won't don't doesn't didn't isn't aren't wasn't "
    "weren't hasn't haven't hadn't shouldn't wouldn't couldn't fail fails failed unable refuse refused denied"
)
NEGATIONS = frozenset(_NEGATION_TEXT.split())
_CJK_NEGATIONS = "不没沒無无未非"
_CJK_HARMLESS = "非常|非洲|未来|未來|无论|無論|不论|不論|不仅|不僅|不但|不过|不過|不断|不斷|不少|不久|不管|不同|不得不|无数|無數|无线|無線"
_SCOPE = 3

_PAIRS = """
increase/decrease increase/decline increase/drop increase/fall increase/reduce increased/decreased increased/declined
increased/reduced increased/dropped increased/fell increasing/decreasing increasing/declining rise/fall rise/drop
rise/decline rose/fell rose/dropped rose/declined rising/falling grew/shrank grew/declined grew/fell growth/decline
growth/contraction grow/shrink raise/lower raise/cut raised/lowered raised/cut higher/lower high/low highest/lowest more/less
more/fewer most/least above/below over/under exceed/miss exceeded/missed up/down upward/downward upper/lower gain/loss
gains/losses gained/lost profit/loss improve/worsen improved/worsened improving/worsening improvement/deterioration
better/worse best/worst strong/weak stronger/weaker strength/weakness positive/negative accelerate/slow accelerated/slowed
expand/shrink expanded/contracted expansion/contraction add/remove added/removed include/exclude included/excluded
including/excluding before/after early/late earlier/later earliest/latest first/last begin/end start/end
start/finish started/ended opened/closed open/closed open/close buy/sell bought/sold accept/reject accepted/rejected
approve/reject approved/rejected approved/denied agree/disagree agreed/disagreed allow/forbid allowed/forbidden
allowed/prohibited permit/prohibit permitted/prohibited support/oppose supported/opposed supporters/opponents win/lose
won/lost victory/defeat succeed/fail succeeded/failed success/failure true/false correct/incorrect same/different
similar/different unchanged/different always/never all/none everyone/nobody many/few large/small larger/smaller
largest/smallest big/small long/short longer/shorter old/new older/newer oldest/newest young/old fast/slow faster/slower
easy/difficult easy/hard easier/harder cheap/expensive public/private major/minor majority/minority maximum/minimum
internal/external domestic/foreign mandatory/voluntary mandatory/optional required/optional permanent/temporary active/passive
active/inactive enable/disable enabled/disabled love/hate likes/dislikes like/dislike hot/cold warm/cold wet/dry left/right
north/south northern/southern east/west eastern/western male/female man/woman men/women husband/wife father/mother son/daughter
brother/sister alive/dead birth/death born/died arrive/depart enter/leave import/export imports/exports spur/hinder
encourage/discourage encouraged/discouraged helped/hindered optimistic/pessimistic confident/doubtful satisfied/dissatisfied
pleased/disappointed substantial/slight significant/insignificant approximately/exactly about/exactly partly/fully
partially/fully temporary/permanent tighten/loosen tightened/loosened forward/backward advance/delay advanced/delayed
millions/billions daily/weekly weekly/monthly monthly/annual monthly/yearly quarterly/annual
monday/tuesday tuesday/wednesday wednesday/thursday thursday/friday friday/saturday saturday/sunday
"""
_CJK_PAIRS = """
增加/减少 增加/減少 增长/下降 增長/下降 上升/下降 上涨/下跌 上漲/下跌 提高/降低 扩大/缩小 擴大/縮小 高于/低于 高於/低於 超过/低于 盈利/亏损
支持/反对 支持/反對 允许/禁止 允許/禁止 同意/拒绝 同意/拒絕 之前/之后 之前/之後 以前/以后 开始/结束 開始/結束 最大/最小 最高/最低 最多/最少
成功/失败 成功/失敗 包括/不包括 以上/以下 必须/可以 強い/弱い 大きい/小さい 高い/低い 多い/少ない 新しい/古い 前/後 増加/減少
賛成/反対 許可/禁止 開始/終了
"""
_PREFIXES = ("un", "in", "im", "ir", "dis", "non", "non-", "mis")


def _table(lines: str) -> Mapping[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for pair in lines.split():
        left, right = pair.split("/")
        table.setdefault(left, set()).add(right)
        table.setdefault(right, set()).add(left)
    return {word: frozenset(others) for word, others in table.items()}


_OPPOSITES = _table(_PAIRS)
_CJK_OPPOSITES = _table(_CJK_PAIRS)


def find_denials(words: Sequence[str], others: Sequence[str], ignored: frozenset[str]) -> list[str]:
    """Return the words that `words` negates and `others` states: no negation stands within three words before any of them.

    Words in `ignored` can clear a denial, but make none. Only the words within reach of a negation are looked at, so that a denial elsewhere in a long sentence proves nothing.
    """
    negated = _negated(others)
    known = frozenset(others)
    found = []
    for place, word in enumerate(words):
        if word in NEGATIONS:
            scope = [other for other in words[place + 1 : place + 1 + _SCOPE] if other not in NEGATIONS]
            stated = [other for other in scope if other in known - ignored]
            if stated and not any(other in negated for other in scope):
                found.append(stated[-1])
    return found


def find_cjk_denials(text: str, other: str) -> list[str]:
    """Return what `text` negates and `other` states, as the negation with the four characters after it.

    The statement is recognised by the first pair of those characters that `other` holds; words such as 非常 negate nothing.
    """
    found = []
    for match in re.finditer(rf"(?!{_CJK_HARMLESS})[{_CJK_NEGATIONS}](\w{{2,4}})", text):
        scope = match[1]
        pairs = [scope[place : place + 2] for place in range(len(scope) - 1)]
        pair = next((pair for pair in pairs if pair in other), None)
        if pair and not re.search(rf"[{_CJK_NEGATIONS}]\w{{0,2}}{re.escape(pair)}", other):
            found.append(match[0])
    return found


def _negated(words: Sequence[str]) -> frozenset[str]:
    return frozenset(
        other
        for place, word in enumerate(words)
        if word in NEGATIONS
        for other in words[place + 1 : place + 1 + _SCOPE]
    )


def find_opposites(words: Iterable[str], others: frozenset[str]) -> list[str]:
    """Return those `words` that `others` lacks while it holds their opposite."""
    return [word for word in words if word not in others and _has_opposite(word, others)]


def find_cjk_opposites(text: str, other: str) -> list[str]:
    """Return the Chinese or Japanese words of `text` whose opposite, and not they themselves, stands in `other`."""
    return [
        word
        for word, opposites in _CJK_OPPOSITES.items()
        if word in text
        and word not in other
        and any(opposite in other and opposite not in text for opposite in opposites)
    ]


def _has_opposite(word: str, others: frozenset[str]) -> bool:
    if _OPPOSITES.get(word, frozenset()) & others:
        return True
    for prefix in _PREFIXES:
        if prefix + word in others and len(word) > 3:
            return True
        if word.startswith(prefix) and len(word) - len(prefix) > 3 and word.removeprefix(prefix) in others:
            return True
    return False
