"""What stands before a number and says what it is: its label in the sentence, in the row, or at the head of its column."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

_REACH = 28

_NOT_PERSONAL = re.compile(
    r"(?:(?:编号|单号|單號|序号|票号|货号|型号|(?:订单|訂單|运单|运单|工单|保单|单据|快递|物流|流水|交易|序列|批次|货|商品|产品|型|物料|合同|发票|凭证|参考|版本|条形码|条码|"
    r"流程|案件|项目|任务|请求|追踪|跟踪|资产|设备|批|区块|邮政)(?:编|序)?(?:号码|号|號|码|碼|代码|编码|ID)?)(?:为|是|:|：|=|\s|#)*"
    r"|(?:order|invoice|tracking|ticket|reference|ref|serial|batch|sku|part|model|isbn|issn|doi|version|release|build|timestamp|"
    r"transaction|shipment|parcel|case|request|item|product|contract|receipt|docket|lot|barcode|ean|upc|hash|commit|error|code)"
    r"(?:[\s_-]*(?:number|num|no|nr|id|code|key))?\s*[.:#=]*\s*(?:is|was)?[\s#:]*)$",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?:\bv|version|release|build|firmware|driver|section|chapter|clause|article|paragraph|版本号?|版|固件|驱动|章节|条款|第)\s*[.:#=]?\s*$",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?:电话|電話|手机|手機|座机|固话|热线|热線|传真|傳真|号码|联系|聯繫|拨打|撥打|致电|来电|whatsapp|"
    r"\b(?:tel|telephone|phone|fax|mobile|cell|desk|office|home|work|direct|call|ring|text|dial|reach|contact|sms|line|number)s?)"
    r"(?:号码|號碼|号|me|us|him|her|them|at|on|is|no|number|to|the|my|this|new|old|\s|[^0-9A-Za-z\n+(])*$",
    re.IGNORECASE,
)
_PASSPORT = re.compile(
    r"(?:护照|護照|通行证|通行證|回乡证|回鄉證|台胞证|臺胞證|旅行证|证件|證件|居住证|passport|travel\s+(?:document|permit)|permit)"
    r"(?:[^0-9\n]{0,16})$",
    re.IGNORECASE,
)
_PASSPORT_AFTER = re.compile(
    r"[^0-9A-Za-z\n]{0,3}(?:as|is|being|for)?\s*(?:the|my|her|his|their|our|a)?\s*(?:new|old|valid|current)?\s*(?:passport|travel (?:document|permit)|护照|通行证)",
    re.IGNORECASE,
)
_CARD = re.compile(
    r"(?:卡号?|信用卡|银行卡|储蓄卡|借记卡|账号|帐号|账户|card|visa|mastercard|amex|american express|account|\bpan)"
    r"(?:[\s_-]*(?:号码|号|number|num|no|nr|is|was|为|是))*[^0-9A-Za-z\n]*$",
    re.IGNORECASE,
)
_IDENTITY = re.compile(
    r"(?:身份证|身分证|身份證|证件|公民身份|身份号|identity|\bid)(?:[\s_-]*(?:号码|号|card|number|no|is|was|为|是))*[^0-9A-Za-z\n]*$",
    re.IGNORECASE,
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_SOCIAL_SECURITY = re.compile(
    r"(?:social\s+security|\bssn\b|\bss#|社会安全)(?:\s+(?:number|no))?(?:[^0-9A-Za-z\n]|is|was|my|his|her)*$",
    re.IGNORECASE,
)


def _labels(text: str, start: int) -> tuple[str, str]:
    return text[max(0, start - _REACH) : start], column_header(text, start)


def column_header(text: str, start: int) -> str:
    """Return the head of the table column that `start` stands in (cells set apart by bars or tabs), empty outside of tables."""
    tables = _tables(text)
    place = bisect_right(tables, start, key=lambda table: table[0]) - 1
    if place < 0 or start >= tables[place][1]:
        return ""
    _, _, separator, cells = tables[place]
    column = text.count(separator, text.rfind("\n", 0, start) + 1, start)
    return cells[column] if column < len(cells) else ""


@lru_cache(maxsize=4)
def _tables(text: str) -> list[tuple[int, int, str, list[str]]]:
    """Return start, end, separator and heads of every block of lines that share a cell separator."""
    found: list[tuple[int, int, str, list[str]]] = []
    position = 0
    for line in text.splitlines(keepends=True) if "|" in text or "\t" in text else ():
        separator = "|" if "|" in line else "\t" if "\t" in line else ""
        end = position + len(line)
        if separator:
            if found and found[-1][1] == position and found[-1][2] == separator:
                found[-1] = (found[-1][0], end, separator, found[-1][3])
            else:
                found.append((position, end, separator, line.split(separator)))
        position = end
    return found


def _says(pattern: re.Pattern[str], text: str, start: int) -> bool:
    label, head = _labels(text, start)
    return bool(pattern.search(label) or (head and pattern.search(head.rstrip(" *:："))))


def is_labelled_otherwise(text: str, start: int) -> bool:
    """Say whether what stands at `start` is called an order number, a version or the like."""
    return _says(_NOT_PERSONAL, text, start)


def is_labelled_version(text: str, start: int) -> bool:
    """Say whether what stands at `start` is called a version or a section."""
    return _says(_VERSION, text, start)


def is_labelled_phone(text: str, start: int) -> bool:
    """Say whether what stands at `start` is called a telephone or fax number."""
    return _says(_PHONE, text, start)


def is_labelled_passport(text: str, start: int) -> bool:
    """Say whether what stands at `start` is called a passport or travel permit."""
    return _says(_PASSPORT, text, start)


def is_called_passport(text: str, end: int) -> bool:
    """Say whether what ends at `end` is called a passport behind it, as in `C01 as the passport number`."""
    return _PASSPORT_AFTER.match(text, end) is not None


def is_labelled_card(text: str, start: int) -> bool:
    """Say whether what stands at `start` is called a payment card or an account."""
    return _says(_CARD, text, start)


def is_labelled_identity(text: str, start: int) -> bool:
    """Say whether what stands at `start` is called an identity number."""
    return _says(_IDENTITY, text, start)


def is_in_chinese(text: str, start: int, end: int) -> bool:
    """Say whether Chinese characters stand near a span."""
    return _CHINESE.search(text, max(0, start - 40), end + 40) is not None


def is_labelled_social_security(text: str, start: int) -> bool:
    """Say whether what stands at `start` is called a social security number."""
    return _says(_SOCIAL_SECURITY, text, start)
