"""Names and addresses where something around them says what they are: a label, a form of address, the form of an address itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowhow.privacy.spans import Span

_SURNAMES = (
    "欧阳|司马|上官|诸葛|歐陽|司馬|諸葛|东方|皇甫|尉迟|公孙|慕容|长孙|宇文|司徒|令狐|夏侯|端木|"
    "[王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何林高罗羅郑鄭梁谢謝宋唐许許韩韓邓鄧冯馮曹彭曾肖蕭萧田董潘袁蔡蒋蔣余于杜叶葉程魏苏蘇吕呂丁"
    "任卢盧姚沈钟鍾姜崔谭譚陆陸范汪廖石金韦韋贾賈夏付方邹鄒熊白孟秦邱侯江尹薛闫閻段雷龙龍黎史陶贺賀毛郝顾顧龚龔邵万萬覃武钱錢戴严嚴莫孔向常汤湯温康施文牛樊葛邢安齐齊易乔喬伍庞龐颜顏"
    "倪庄莊聂聶章鲁魯岳翟申殷詹欧歐耿关關兰蘭焦俞左柳甘祝包宁寧尚符舒阮柯纪紀梅童凌毕畢单單季裴霍涂成苗谷盛曲翁冉骆駱蓝藍路游辛靳管柴蒙鲍鮑华華喻祁蒲房滕屈饶饒解牟艾尤阳时穆农司卓古吉缪"
    "简車车项項连連芦麦麥褚娄婁窦竇戚岑景党宫宮费費卜冷晏席卫衛米柏宗瞿桂全佟应應臧闵閔苟邬鄔边邊卞姬师師和仇栾隋商刁沙荣榮巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝]"
)
_CHINESE_NAME = rf"(?:{_SURNAMES})[\u4e00-\u9fff·]{{1,2}}"
_LABELS = (
    "姓名|名字|联系人|聯繫人|收件人|寄件人|发件人|收货人|申请人|持卡人|持有人|开户人|户名|经办人|负责人|法定代表人|法人代表|法人|投保人|被保险人|受益人|"
    "患者|病人|乘客|旅客|员工|客户|客戶|用户|会员|住户|业主|租客|房东|签字人|签名|签收人|审批人|审核人|制单人|借款人|担保人|证人|当事人|原告|被告|嫌疑人|"
    "学生|家长|老师|作者|医生|主治医师|护士|我叫|我是|本人|名叫|叫做"
)
_LABELLED_CHINESE = re.compile(
    rf"(?:{_LABELS})(?:姓名|名称)?\s*[:：|\t]\s*(?P<value>[\u4e00-\u9fff]{{2,4}}(?:·[\u4e00-\u9fff]{{1,8}}){{0,3}})(?![\u4e00-\u9fff])"
)
_GLUED_CHINESE = re.compile(
    rf"(?:{_LABELS})(?:姓名)?(?:为|是|系)?\s*(?P<value>{_CHINESE_NAME}?)(?=[，,。；;、（(\s]|的|先生|女士|小姐|于|因|在|来|已|将|向|与|和|现|等|电话|手机|身份|证件|$)"
)
_ADDRESSED_CHINESE = re.compile(
    rf"(?P<value>(?:{_SURNAMES})[\u4e00-\u9fff·]{{0,2}}?)(?=(?:先生|女士|小姐|太太|夫人|同志|同学|老师|教授|医生|大夫|律师|经理|总经理|主任|院长|校长|局长|处长|科长|警官|法官|师傅|阿姨|叔叔|董事长|总监|护士长?)(?!们))"
)
_LABEL_WORDS = re.compile(rf"^(?:{_LABELS})$")
_NOT_NAMES = frozenset(
    [
        "男",
        "女",
        "无",
        "未知",
        "不详",
        "匿名",
        "同上",
        "保密",
        "全体",
        "高级",
        "总",
        "副",
        "大",
        "小",
        "各位",
        "任何",
        "所有",
        "成年",
        "时候",
        "方面",
        "方法",
        "方式",
        "文件",
        "文化",
        "和平",
        "成功",
        "安全",
        "安排",
        "常见",
        "常用",
        "相关",
        "应该",
        "明确",
        "明白",
        "时间",
        "管理",
        "项目",
        "解释",
        "关于",
        "关系",
        "单位",
        "单独",
        "万一",
        "简单",
        "连续",
        "成为",
        "向导",
        "白天",
        "高端",
        "金融",
        "石油",
        "江苏",
        "云南",
        "海南",
        "康复",
        "全科",
        "卫生",
        "华东",
        "华南",
        "华北",
        "华中",
        "全职",
        "时任",
        "向上",
        "和平",
        "司法",
        "边防",
        "常务",
        "农业",
        "项目",
        "马上",
    ]
)

_LATIN = r"A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u024f"
_LATIN_LOWER = r"a-z\u00df-\u00f6\u00f8-\u00ff\u0100-\u024f"
_WORD = rf"[{_LATIN}](?:[{_LATIN}{_LATIN_LOWER}]|['’](?!s\b)|-(?=[{_LATIN}]))*\.?"
_PARTICLE = r"(?:van|von|de|del|della|di|da|dos|der|den|la|le|bin|ibn|al|el|ter|zu|af)"
_NAME = rf"{_WORD}(?:[ \u00a0]+(?:{_PARTICLE}[ ]+){{0,2}}{_WORD}){{0,3}}"
_HONORIFICS = "Mrs?|Ms|Mx|Miss|Dr|Prof|Professor|Sir|Madam|Dame|Herr|Frau|Monsieur|Madame|Señora?"
_ENGLISH_NAMES = (
    re.compile(rf"(?<![A-Za-z])(?i:{_HONORIFICS})\.?[ \u00a0]+(?P<value>{_NAME})"),
    re.compile(
        rf"(?i:(?<![A-Za-z])(?:(?:full|first|last|given|family|middle|maiden|legal|customer|client|patient|employee|cardholder|applicant|"
        rf"account holder|contact|sur)[ _-]?name|name of (?:the )?\w+|name|customer|client|patient|cardholder|account holder|policyholder|applicant|"
        rf"claimant|beneficiary|insured|employee|contact(?: person)?|attn|attention|signed(?: by)?|signature|author|sender|recipient|passenger|guest|"
        rf"tenant|landlord|borrower|guarantor|witness|plaintiff|defendant|student|teacher|nurse|physician|prepared by|approved by))[ \t]*[:=|][ \t]*\"?(?P<value>{_NAME})"
    ),
    re.compile(
        rf"(?<![A-Za-z])(?i:my (?:full |first |last )?name is|my name's|name is|i am called|they call me|dear|"
        rf"sincerely(?: yours)?,|kind regards,|best regards,|regards,|yours (?:truly|faithfully),|cheers,)[ \t]*\n?[ \t]*(?:(?i:{_HONORIFICS})\.?[ ]+)?(?P<value>{_NAME})"
    ),
)
_COMMON_AFTER = frozenset(
    [
        "Sir",
        "Madam",
        "Customer",
        "Customers",
        "Team",
        "All",
        "Colleagues",
        "Friend",
        "Friends",
        "Client",
        "Clients",
        "Sirs",
        "Hiring",
        "Manager",
        "Support",
        "Valued",
        "Member",
        "Members",
        "Everyone",
        "Colleague",
        "Editor",
        "Guest",
        "Passenger",
        "The",
        "A",
        "An",
        "This",
        "That",
        "It",
        "We",
        "You",
        "I",
        "He",
        "She",
        "They",
        "What",
        "Why",
        "How",
        "When",
        "Where",
        "Our",
        "Your",
        "My",
        "Not",
        "Only",
        "Just",
        "Also",
        "If",
        "In",
        "On",
        "At",
        "To",
        "For",
        "From",
        "Data",
        "Sheet",
        "Page",
        "Section",
        "Table",
        "Figure",
        "Chapter",
        "Service",
        "Department",
        "Committee",
        "Board",
        "Bank",
        "Office",
        "Address",
        "Phone",
        "Email",
        "Date",
        "None",
        "Unknown",
        "N/A",
        "Yes",
        "No",
        "Please",
        "Thank",
        "Thanks",
    ]
)

_ADDRESS_LABEL = re.compile(
    r"(?:(?<!IP)(?<!ip)(?<!登录)(?<!邮件)(?<!邮箱)(?<!网络)(?<!内存)(?<!来源)(?<!MAC)地址|住址|住所|户籍地|家庭住址|通讯地址|收货地址|寄送地址|联系地址|居住地)(?:为|是)?\s*[:：|\t]?\s*(?P<value>(?=[^\n|\t，。；;@]{0,58}[省市区县镇乡村路街道巷弄号楼室栋])[^\n|\t，。；;@]{4,60})"
)
_CHINESE_STREET_NUMBER = re.compile(
    r"(?:路|街|大道|巷|弄|胡同|村|小区|花园|里)[\u4e00-\u9fff]{0,3}[0-9]{1,5}(?:号|弄|栋|幢|座|单元|室|楼|层|院)"
    r"(?:[0-9A-Za-z甲乙丙丁之一二三四五六七八九十-]{0,6}(?:号楼?|栋|幢|座|单元|室|楼|层)){0,6}"
)
_PROVINCE = re.compile(
    "(?:北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|"
    "内蒙古|广西|西藏|宁夏|新疆|香港|澳门)"
)
_LEFT_OF_STREET = re.compile(
    r"[\u4e00-\u9fff]{2,7}(?:市|县|区|镇|州)[\u4e00-\u9fff0-9]{0,20}$|[\u4e00-\u9fff]{1,6}$"
)
_VERB_BEFORE = re.compile(r"^.*(?:[住位]?[在于]|[寄送搬]?[到至]|[是为]|地址|住址)")
_ENGLISH_LABELLED_ADDRESS = re.compile(
    r"(?i:(?<![A-Za-z])(?:(?:home|mailing|postal|billing|shipping|delivery|street|residential|current|new|old|permanent)[ _-]?address|address|residence|"
    r"resides at|residing at|lives at|living at|ship to|deliver to))[ \t]*(?:[:=|]|is:?|at)?[ \t]*(?P<value>(?=[^\n|]{0,80}[0-9])[0-9A-Z][^\n|;]{5,120})"
)
_STREET_WORD = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Place|Pl|Terrace|Ter|Way|Close|Crescent|Cres|Parkway|Pkwy|"
    r"Highway|Hwy|Alley|Circle|Cir|Trail|Row|Grove|Gardens|Mews|Quay|Walk|Hill|Rise|Wharf)"
)
_STREET = re.compile(
    rf"(?<![0-9A-Za-z#.,$€£-])(?P<value>[0-9]{{1,6}}[A-Za-z]?(?:[-/][0-9]{{1,5}}[A-Za-z]?)?[ ]+(?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.?[ ]+)?"
    rf"(?:[{_LATIN}0-9][\w'’.-]*[ ]+){{1,4}}{_STREET_WORD}\b\.?"
    rf"(?:,?[ \n]+(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|#)\.?[ ]?[0-9A-Za-z-]{{1,8}})?"
    rf"(?:,?[ \n]+[{_LATIN}][\w'’-]+(?:[ ][{_LATIN}][\w'’-]+){{0,2}},?[ \n]+[A-Z]{{2}}[ ]+[0-9]{{5}}(?:-[0-9]{{4}})?)?)"
)
_POST_BOX = re.compile(
    r"(?<![A-Za-z])(?P<value>(?i:P\.?[ ]?O\.?[ ]?Box|Post Office Box|Postfach|邮政信箱)[ ]?[0-9]{1,6})"
)


def find_names(text: str) -> Iterator[Span]:
    """Yield names behind a label or a form of address, Chinese ones also before one such as 先生."""
    for match in _LABELLED_CHINESE.finditer(text):
        if match["value"] not in _NOT_NAMES and not _LABEL_WORDS.match(match["value"]):
            yield match.span("value")
    for pattern in (_GLUED_CHINESE, _ADDRESSED_CHINESE):
        for match in pattern.finditer(text):
            if match["value"] not in _NOT_NAMES:
                yield match.span("value")
    for pattern in _ENGLISH_NAMES:
        for match in pattern.finditer(text):
            if match["value"].split()[0].rstrip(".") not in _COMMON_AFTER:
                start, end = match.span("value")
                yield start, end - (match["value"].endswith(".") and len(match["value"].split()[-1]) > 3)


def find_addresses(text: str) -> Iterator[Span]:
    """Yield postal addresses behind a label or in the form of a street with a number."""
    yield from _chinese_addresses(text)
    for pattern in (
        _ADDRESS_LABEL,
        _ENGLISH_LABELLED_ADDRESS,
        _STREET,
        _POST_BOX,
    ):
        for match in pattern.finditer(text):
            start, end = match.span("value")
            while end > start and text[end - 1] in " .,\"'":
                end -= 1
            yield start, end


def _chinese_addresses(text: str) -> Iterator[Span]:
    for match in _CHINESE_STREET_NUMBER.finditer(text):
        window = max(0, match.start() - 30)
        before = text[window : match.start()]
        province = _PROVINCE.search(before)
        left = _LEFT_OF_STREET.search(before)
        if province is not None and not re.search(r"[^\u4e00-\u9fff0-9]", before[province.start() :]):
            yield window + province.start(), match.end()
        elif left is not None:
            verb = _VERB_BEFORE.match(left[0])
            start = left.start() + (verb.end() if verb is not None else 0)
            if start < len(before):
                yield window + start, match.end()
