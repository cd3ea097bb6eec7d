"""Texts that hold no personal data and look as if they did: one function per sort, each made anew from chance."""

from __future__ import annotations

import random
from collections.abc import Callable

from knowhow.testing.personal_data import Sample, card, credit_code, digits, iban, resident_id

Maker = Callable[[random.Random], str]


def _broken(value: str, chance: random.Random) -> str:
    """Return the value with its last digit changed, so that the check digit fails."""
    last = value[-1]
    return value[:-1] + chance.choice([digit for digit in "0123456789" if digit != last])


def _of(*templates: str) -> Maker:
    """Make texts from templates: each {n} becomes n random digits, {d} a day, {t} a time."""

    def make(chance: random.Random) -> str:
        text = chance.choice(templates)
        text = text.replace(
            "{d}", f"20{chance.randrange(10, 27)}{chance.randrange(1, 13):02d}{chance.randrange(1, 29):02d}"
        )
        text = text.replace(
            "{t}", f"{chance.randrange(24):02d}{chance.randrange(60):02d}{chance.randrange(60):02d}"
        )
        for size in range(1, 25):
            while f"{{{size}}}" in text:
                text = text.replace(f"{{{size}}}", chance.choice("123456789") + digits(chance, size - 1), 1)
        return text

    return make


CHINESE_DECOYS: list[Maker] = [
    _of("订单号{16}已发货", "订单编号：{19}", "您的订单{18}已签收", "运单号 {12}", "快递单号:{13}，请查收", "流水号：{d}{t}{4}"),
    _of("交易流水号{d}{10}", "单据编号{11}", "合同编号：{11}号", "发票号码{8}", "发票代码：{12}", "批次号{10}", "工单{11}已关闭"),
    _of("发布于{d}{t}", "日期：{d}，时间：{t}", "时间戳{d}{t}123", "截至{d}，共{5}人", "2024-03-05 12:30:45更新", "2023年11月2日至2024年1月3日"),
    _of("版本{1}.{1}.{1}.{2}", "固件版本号：{1}.{2}.{1}.{3}", "v{1}.{2}.{1}.{1}已发布", "请升级到版本 {2}.{1}.{1}.{4}", "第{1}.{1}.{1}.{1}节"),
    _of("金额{8}.{2}元", "共计人民币{11}.{2}元", "￥{6}.{2}", "注册资本{9}元", "总额{3},{3},{3}.{2}元", "涨幅{1}.{2}%，成交量{11}股，成交额{11}元"),
    _of("邮编{6}", "股票代码{6}", "客服热线95588", "拨打110报警", "国标GB/T {5}-2017", "ISO 9001:2015认证", "文号〔2024〕{3}号", "条形码69{11}"),
    _of("ISBN 978-7-{3}-{5}-{1}", "ISSN {4}-{4}", "DOI 10.{4}/{8}", "坐标{2}.{6},{3}.{6}", "圆周率3.{12}", "概率0.{13}", "零件号A{9}"),
    _of("粤ICP备{8}号", "京公网安备{14}号", "型号HW-{4}A", "序列号SN{12}", "商品编号{13}", "房间{4}号，共{2}层", "比分{1}:{1}", "参数{3}-{2}-{3}"),
    lambda chance: f"证件号{_broken(resident_id(chance), chance)}校验不通过",
    lambda chance: f"卡号{_broken(card(chance), chance)}无效",
    lambda chance: f"信用代码{_broken(credit_code(chance), chance)}有误",
    _of("IP段{3}.{3}.9999.{1}", "端口{5}，延迟{3}毫秒", "京东平台编码A{4}", "川菜A1区{3}桌", "苏A级景区{1}处", "会议号{3} {3} {3}", "学号20{8}", "工号{6}"),
    _of("机器学习模型共{9}个参数", "人口{10}人，同比增长{1}.{1}%", "第{8}号专利", "专利号ZL20{2}1{7}.{1}", "编号{3}-{4}-{4}-{3}", "任务ID：{11}", "请求编号{15}"),
]  # fmt: skip

ENGLISH_DECOYS: list[Maker] = [
    _of("Order number {16} has shipped.", "Order #{9}", "Tracking number: {12}", "Invoice {8} is due.", "Ticket ID {11}", "Reference {10}", "ref: {3}-{2}-{4}x"),
    _of("ISBN 978-{1}-{3}-{5}-{1}", "ISSN {4}-{4}", "doi 10.{4}/{6}.{4}", "SKU {12}", "Serial number {14}", "Part no. {3}-{3}-{4}", "Batch {9}"),
    _of("Released on 2024-03-05 12:30:45.", "{d}T{t}Z", "timestamp: {10}", "from 1998-2004 and 2010-2012", "on 12/05/2023 at 10:45", "10:30:45.123"),
    _of("version {1}.{1}.{1}.{1}", "Upgrade to v{1}.{2}.{1}.{3}.", "firmware {1}.{1}.{2}.{1}", "see section {1}.{1}.{1}.{1}", "release 20{2}.{1}.{1}.{2}"),
    _of("a total of ${3},{3}.{2}", "EUR {6}.{2}", "{1},{3},{3} people", "revenue of {10} dollars", "pi is 3.{12}", "probability 0.{13}", "about {9} parameters"),
    lambda chance: f"The card {_broken(card(chance), chance)} is not valid.",
    lambda chance: f"IBAN {_broken(iban(chance), chance)} fails its check.",
    _of("SSN 000-{2}-{4} was refused", "SSN 666-{2}-{4} is never issued", "part {3}-{2}-{4} rev B", "code {2}-{3}-{4}"),
    _of("ratio {1}:{2}:{1}", "std::vector<int> and a::b", "at 999.{3}.1.1", "10.{1}.{1}", "host at 300.1.2.{3}", "MAC 00:1A:2B:{2}:4D:5E", "::", "fe:{2}"),
    _of("someone@ or @handle", "user@localhost", "a@b", "@{4}", "price @ 5.{2}", "see foo@bar (not an address)", "git@{7}"),
    _of("Rule {3}-{4} applies", "room {4}, floor {2}", "pages {3}-{3}", "score {2}-{2}-{2}", "lat {2}.{6}, lon {2}.{6}", "ZIP {5}", "model {4}-{4}", "flight BA{4}"),
    _of("checksum {8}{8}{8}", "commit a{7}f{8}b", "hash {24}", "uuid 1b{6}-{4}-4{3}-a{3}-{12}", "id: {17}", "account opened in 20{2}"),
]  # fmt: skip


def chinese_decoys(count: int, seed: int) -> list[Sample]:
    """Return Chinese samples without personal data: order numbers, dates, versions, amounts, failing check digits."""
    return _decoys(count, seed, CHINESE_DECOYS)


def english_decoys(count: int, seed: int) -> list[Sample]:
    """Return English samples without personal data."""
    return _decoys(count, seed, ENGLISH_DECOYS)


def _decoys(count: int, seed: int, makers: list[Maker]) -> list[Sample]:
    chance = random.Random(seed)
    return [Sample(makers[place % len(makers)](chance)) for place in range(count)]
