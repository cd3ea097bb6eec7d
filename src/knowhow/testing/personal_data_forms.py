"""The sentences, rows and spellings in which made-up personal data stands."""

from __future__ import annotations

import random

CHINESE_FRAMES = [
    "{label}{value}",
    "{label}：{value}",
    "{label}:{value}，请核对。",
    "您好，我的{label}是{value}，麻烦查一下",
    "客户{label}为{value}的申请已受理",
    "请将{label}（{value}）登记在册",
    "登记信息如下\n{label}\t{value}\n状态\t正常",
    "| 项目 | 内容 |\n| --- | --- |\n| {label} | {value} |",
    "{label}: {value}; 状态: 正常; 备注: 无",
    "【{label}】{value}【完】",
    "2024年3月5日登记{label}{value}共1项",
    "已核验{label}“{value}”与系统一致",
    "{label}={value}",
    "附件第3页所列{label}{value}有误，金额1,280.50元",
    "{label} {value} 已于2023-11-02更新",
]
CHINESE_LABELS = {
    "resident_id": ["身份证", "身份证号", "居民身份证号码", "证件号", "公民身份号码"],
    "phone": ["电话", "联系电话", "手机", "手机号", "联系方式"],
    "card": ["卡号", "银行卡", "银行卡号", "储蓄卡", "信用卡", "收款账号"],
    "credit_code": ["统一社会信用代码", "信用代码", "税号", "纳税人识别号"],
    "passport": ["护照", "护照号", "护照号码", "通行证号码", "港澳通行证", "旅行证件"],
    "plate": ["车牌", "车牌号", "车辆", "号牌", "车辆牌照"],
    "email": ["邮箱", "电子邮件", "邮件地址", "E-mail"],
    "ip": ["IP", "IP地址", "登录地址", "来源IP", "客户端"],
}
ENGLISH_FRAMES = [
    "{label}: {value}",
    "My {label} is {value}, please check.",
    "Please update the {label} {value} in our records.",
    "{label}\n{value}\n",
    "We have {value} as the {label} on file from 2024-03-05; {label}: {value}".replace(
        "; {label}: {value}", "."
    ),
    "| field | content |\n| --- | --- |\n| {label} | {value} |",
    "{label}: {value}; status: active; amount: 1,250.00 EUR",
    'The form says "{value}" under {label}.'.replace('"{value}" under {label}', '{label} "{value}"'),
    "({label} {value})",
    "{label}={value}",
    "The {label}, {value}, was changed on 12 May 2023 at 10:45.",
]
ENGLISH_LABELS = {
    "email": ["email", "e-mail address", "contact"],
    "phone": ["phone", "phone number", "mobile", "contact number", "fax"],
    "card": ["card", "credit card number", "card number", "Visa"],
    "iban": ["IBAN", "account", "bank account"],
    "ssn": ["SSN", "social security number"],
    "ip": ["IP", "IP address", "host", "client address"],
    "passport": ["passport", "passport number", "passport no."],
}


def decorate_chinese(chance: random.Random, kind: str, value: str) -> str:
    """Return the value as people write it: in groups, with hyphens, in full-width characters."""
    if kind in ("resident_id", "card", "phone") and value.isalnum() and chance.random() < 0.4:
        value = _grouped(chance, kind, value)
    if kind != "email" and chance.random() < 0.2:
        return _widen(value)
    return value


def decorate_english(chance: random.Random, kind: str, value: str) -> str:
    """Return the value as people write it: cards and IBANs in groups."""
    if kind == "iban" and chance.random() < 0.5:
        return " ".join(value[place : place + 4] for place in range(0, len(value), 4))
    if kind == "card" and chance.random() < 0.5:
        return _grouped(chance, kind, value)
    return value


def _grouped(chance: random.Random, kind: str, value: str) -> str:
    forms: dict[tuple[str, int], list[tuple[int, ...]]] = {
        ("resident_id", 18): [(6, 8, 4), (6, 4, 4, 4)],
        ("resident_id", 15): [(6, 6, 3)],
        ("phone", 11): [(3, 4, 4), (4, 3, 4)],
        ("card", 15): [(4, 6, 5)],
        ("card", 14): [(4, 6, 4)],
    }
    rest = (len(value) % 4,) if len(value) % 4 else ()
    sizes = forms.get((kind, len(value)), [(4,) * (len(value) // 4) + rest])
    parts, place = [], 0
    for size in chance.choice(sizes):
        parts.append(value[place : place + size])
        place += size
    return chance.choice([" ", "-"]).join([*parts, value[place:]] if value[place:] else parts)


def _widen(value: str) -> str:
    return "".join(
        "\u3000"
        if character == " "
        else chr(ord(character) + 0xFEE0)
        if "!" <= character <= "~"
        else character
        for character in value
    )
