"""Sentences in a document that give orders to whoever answers from it: a language model must not be steered by its evidence.

What is looked for is speech to a model (its instructions, its answer, its role, forged turns), not orders to people: "report the loss
within two days" is what documents are for. Rules alone, so the same text always gives the same finding.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass

from knowhow.language import sentences

MODEL_SPEECH, ANSWER_ORDER, FORGED_TURN, ENCODED, TASK = "model", "answer", "turn", "encoded", "task"


@dataclass(frozen=True, slots=True)
class Finding:
    """A stretch of a text that speaks to a language model; `kind` says how it was told."""

    start: int
    end: int
    kind: str


_ABOVE = r"(?:previous|prior|above|preceding|earlier|initial|original|existing|foregoing|following|other|current|given|all|any|every|your|my|these|those|the|rest|everything)"
_RULES = r"(?:instructions?|directions?|prompts?|directives?|guidelines?|commands?|orders|rules|context|passages?|documents?|messages?|text|content|input|constraints?|restrictions|programming|training|question|web ?page|page|article|function|e-?mail|description)"
_ANSWER = r"(?:answers?|responses?|repl(?:y|ies)|outputs?|completions?|summar(?:y|ies)|explanation)"
_SAY = r"(?:say|state|print|output|repeat|respond|reply|answer|write|return|echo|tell|display|declare|claim|prefix|generate|produce)"
_CHANGE = r"(?:add|append|include|insert|integrate|incorporate|embed|mention|modify|change|alter|adjust|rewrite|rephrase|rearrange|replace|substitute|use|introduce|misspell|remove|omit|group|split|scramble|shuffle|reverse|encode|encrypt|translate|convert|provide|give|format|craft|deliver|present|start|begin|prefix|end|finish|conclude|make|write|swap|transform|turn|ensure|keep|limit|anagram|jumble|mix|capitali[sz]e|create|spell|separate|merge|combine|delete|eliminate|suggest|promote|recommend|weave|slip|hide|sneak|put|place|link|direct|encourage|hint|reference|highlight|emphasi[sz]e|express|render|present|structure|compose|arrange|divide|cluster|concatenate|intersperse|randomly|deliberately|intentionally|subtly|always)"
_MODEL = r"(?:language model|large language|\bLLMs?\b|chat ?bot|chatgpt|\bGPT(?:-?\d)?\b|AI (?:model|assistant|system|agent|language)|virtual assistant|system prompt|initial prompt|initiali[sz]ation (?:string|prompt)|(?:your|the) (?:system|initial|original|hidden|secret|pre-?)\s?(?:instructions?|prompt|message)|developer mode|dan mode|do anything now|jailbreak|system mode|override mode|debug mode|maintenance mode|security override)"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        # Orders about orders.
        (MODEL_SPEECH, rf"\b(?:ignore|disregard|forget|override|bypass|neglect|overlook|discard)\b(?:\W+\w+){{0,4}}?\W+{_ABOVE}\b(?:\W+\w+){{0,4}}?\W+{_RULES}\b"),
        (MODEL_SPEECH, r"\b(?:ignore|disregard|forget)\W+(?:(?:all|everything|anything|what)\W+)?(?:(?:the|of|that|is|was|you(?:'ve| have)?|been|were|written|said|told)\W+){0,4}(?:above|before|previously|prior|told)\b"),
        (MODEL_SPEECH, r"\bignore\W+(?:\w+\W+){0,3}?(?:instructions?|prompts?)\b|\bstop everything\b|\bnever ?mind\b.{0,40}\bignore\b"),
        (MODEL_SPEECH, rf"\bignore\b.{{0,40}}\b(?:and|then|instead)\b.{{0,12}}\b{_SAY}\b"),
        (MODEL_SPEECH, r"\b(?:do not|don't|never) (?:follow|obey|use|answer from|rely on)\b.{0,30}\b(?:instructions|prompt|passages?|context|documents?)\b.{0,30}(?:instead|but|above|given|provided|$)"),
        # Speech to a model about itself.
        (MODEL_SPEECH, rf"\b(?:you are|you're|as an?|act as|acting as|note to|attention|dear|hey|hello|(?:to|for) (?:any|the|all|every))\b,? (?:\w+ ){{0,3}}{_MODEL}"),
        (MODEL_SPEECH, rf"{_MODEL}\W.{{0,30}}\b(?:must|shall|activated?|enabled?|reveal|print|is now)\b"),
        (MODEL_SPEECH, r"\b(?:repeat|reveal|show|print|output|display|disclose|translate|leak|dump|summari[sz]e|write down|list)\b.{0,40}\b(?:your|the|all)\W+(?:\w+\W+){0,2}?(?:instructions|prompt|system message|guidelines|context verbatim|conversation (?:above|so far))"),
        (MODEL_SPEECH, r"\byou are now\b.{0,60}\b(?:mode|assistant|bot|ai|system|dan|free|unrestricted|playing|able to|going to|no longer)\b|\bfrom now on,? you (?:are|only|always|answer|reply|respond|will (?:act|answer|respond|reply|be)|must (?:act|answer|respond|reply))\b|(?:^|[.!?:;,]\s*|\b(?:please|you (?:must|should|will|are to)|now)\s+)pretend (?:to be|you are|that you)\b|\byou (?:will|are going to|must|should) (?:now )?(?:act as|pretend|simulate|roleplay|impersonate)\b|\bfrom now on (?:only |always |just )?(?:answer|reply|respond)\b"),
        (MODEL_SPEECH, r"\bnew (?:system )?(?:instructions?|task|directives?|orders?)\s*(?:for you)?\s*[:：]|\b(?:system|security|admin(?:istrator)?|developer) (?:override|notice to (?:the )?(?:model|assistant))\b|\bend of (?:the )?(?:context|passages?|documents?|prompt|user input)\b|\b(?:begin|start) (?:of )?(?:new )?(?:instructions?|system prompt)\b"),
        # Orders about the answer.
        (ANSWER_ORDER, rf"(?:^|[.;:,!?>\-\"'(]\s*|\b(?:please|and|also|then|you must|you should|instead|always|to|can you|could you)\s+){_CHANGE}\b(?:(?!\bif\b).){{0,160}}\b(?:your|the final|the next|the generated|the model's|the assistant's) (?:final |next |own |entire |whole |full )?{_ANSWER}\b(?! (?:time|rate|team|form|card|slip|envelope|plan|centre|center|address|date|deadline))"),
        (ANSWER_ORDER, rf"\b(?:in|with|throughout|into|to|of|from|at the (?:end|beginning|start) of|within) your (?:final |next |own |entire )?{_ANSWER}\b(?! (?:time|rate|team|form|to (?:us|this|the)))\W.{{0,12}}\b{_CHANGE}\b"),
        (ANSWER_ORDER, rf"\b(?:your|the assistant's|the model's) (?:final |next |only |entire |whole )?{_ANSWER} (?:must|should|shall|has to|needs to|will|is to)\b(?! (?:not |always )?(?:be (?:complete|true|truthful|honest|correct|accurate|clear|in writing|kept|used|confidential|recorded|help|saved|scored|marked)|help|depend|vary|reach|arrive|be (?:sent|submitted|received|returned|mailed|filed|postmarked)))"),
        (ANSWER_ORDER, rf"\b(?:just|only|simply|always|exactly|instead,?|now) {_SAY}\b.{{0,30}}(?:[\"“'‘«「:]|\bthat\b|\bwith\b|\bonly\b|\bthe (?:word|phrase|text|following)\b)"),
        (ANSWER_ORDER, rf"(?:^|[.;:,!?>]\s*|\b(?:please|and|then|must|should|want you to|to)\s+){_SAY}\b\s+(?:(?:only|just|exactly|with|by|back|to|the user|user|me|them|that|this|precisely)\s+){{0,4}}(?:the (?:word|words|phrase|following (?:text|words|phrase|sentence|message|answer)?|exact)\b|(?:only|exactly|nothing but)\b|[\"“«「])"),
        (ANSWER_ORDER, r"\b(?:respond|reply|answer) (?:to (?:every|any|all|the|this) (?:questions?|quer(?:y|ies)|prompts?)\b.{0,20}(?:with|by|using|in|that)\b|(?:only|exclusively|solely) (?:with|in|by)\b|as (?:if|though)\b)"),
        (ANSWER_ORDER, r"\btell (?:the|every|all|any) (?:user|users|reader|asker|person asking)\b|\b(?:the|this) (?:user|asker|question) (?:must|should) be (?:told|answered)\b|\b(?:correct|only|right|true|official) answer to (?:this|the|any|every) (?:question|query) (?:is|must be)\b|\bif (?:you are |anyone is |the user is )?asked (?:about|for|anything|any)\b.{0,60}\b(?:say|answer|reply|respond)\b.{0,40}[\"“:]"),
        (ANSWER_ORDER, r"\blet(?:'|’)?s (?:imagine|consider|pretend|suppose|say|state|assume)\b.{0,60}\b(?:scenario|say|state|that)\b.{0,60}\b(?:is|are|has|where)\b|\b(?:we|you) might state\b|\bin a (?:parallel|world where|hypothetical|fictional)\b.{0,60}\b(?:is|are|could be|state)\b"),
        (ANSWER_ORDER, r"\baccess granted\b.{0,80}|\bprefix your\b"),
        (ANSWER_ORDER, r"^\W*(?!(?:we|i|the|a|an|this|that|these|those|it|he|she|they|you|your|our|my|his|her|their|its|if|when|after|before|once|for|in|on|at|as|no|not|thank|thanks|because|since|while|although|send|submit|return|mail|post|await|wait|awaiting|check|review|enter|mark|record|e-?mail|fax|upload|save|choose|select|explain|support|justify|sign|attach|see|read|compare|circle|tick|click)\b)[a-z]{3,}(?<!ing)(?<!ed)(?<!s)\s+(?:\w+\s+){0,6}?your (?:answer|response|reply|message|output)\b(?! (?:time|form|card|slip|envelope|to (?:us|this|the)))"),
        (ANSWER_ORDER, r"^\W*(?:in|with|within|throughout|at the end of|at the start of) your (?:final |next |entire )?(?:answer|response|reply|output|message)\W+(?!(?:please )?(?:state|give|include) (?:your|the) (?:name|date|reference|account))[a-z]+\b"),
        (ANSWER_ORDER, rf"\b(?:please )?output the following\b|\b(?:ignore|disregard|forget|无视)\b.{{0,60}}\b(?:and|then|instead),? (?:the )?{_SAY}s?\b|\bconsider the (?:output|answer|result|capital|conclusion)\b.{{0,20}}\b(?:as|to be)\b"),
        # Work that a document would hardly order from its reader.
        (TASK, r"(?:^|[.:!?]\s*|\bplease\s+)(?:write|draft|compose|create|generate|provide|give|tell)\b(?:\s+\w+){0,4}?\s+(?:a |an )?(?:poem|haiku|limerick|short story|fairy tale|joke|song|sonnet|essay|blog post|tweet|headline|python|javascript|c\+\+|java|sql|code snippet|function|script|program|algorithm|regex)\b"),
        (TASK, r"(?:^|[.:!?]\s*|\bplease\s+)translate (?:the|this|these|following|it|that|'|\")"),
        # The same in other languages.
        (MODEL_SPEECH, r"(?:忽略|无视|無視|忘记|忘記|忘掉|不要理会|不要理會|不用管|抛开|拋開)[^。！？\n]{0,12}(?:之前|以前|以上|上面|前面|先前|上述|所有|一切|任何|原来|原來|系统|系統)?[^。！？\n]{0,8}(?:指令|指示|说明|說明|提示|规则|規則|命令|内容|內容|要求|设定|設定|段落|文档|文件|上下文|简历|簡歷|网页|網頁|函数|函數)[^。！？\n]{0,40}|(?:忽略|无视|無視)[^。！？\n]{0,20}(?:并|並|然后|然後)[^。！？\n]{0,4}(?:说|說|回答|输出|輸出|声明|聲明)"),
        (MODEL_SPEECH, r"(?:你现在是|你現在是|从现在开始你|從現在開始你|从现在起你|從現在起你|你将扮演|你將扮演|请扮演|請扮演|假装你是|假裝你是)|(?:系统提示|系統提示|系统指令|系統指令|提示词|提示詞)[^。！？\n]{0,20}(?:显示|顯示|输出|輸出|重复|重複|告诉|告訴|是什么|是什麼)|(?:显示|顯示|输出|輸出|重复|重複|透露|泄露|翻译|翻譯)[^。！？\n]{0,12}(?:系统提示|系統提示|系统指令|系統指令|提示词|提示詞|初始指令)|(?:系统|系統)模式|(?:人工智能|(?<![A-Za-z])AI(?![A-Za-z])|大语言模型|大語言模型|语言模型|語言模型)(?:助手|模型)?[^。！？\n]{0,12}(?:必须|必須|务必|務必)"),
        (ANSWER_ORDER, r"(?:在|将|將|把|请在|請在)?(?:你的|您的)(?:最终|最終)?(?:回答|回复|回覆|答复|答覆|答案|输出|輸出|摘要)[^。！？\n]{0,20}(?:必须|必須|只能|加入|添加|包含|提到|开头|開頭|结尾|結尾)|(?:只|仅|僅|直接|原样|原樣|请|請)(?:要)?(?:回答|回复|回覆|输出|輸出|说|說|打印|列印)[^。！？\n]{0,6}[“\"「『：:]|(?:无论|無論|不管)[^。！？\n]{0,12}(?:问|問)[^。！？\n]{0,12}(?:都|一律)[^。！？\n]{0,6}(?:回答|回复|回覆|说|說)|(?:告诉|告訴)(?:用户|用戶|使用者|提问者|提問者)"),
        (MODEL_SPEECH, r"(?:以前|これまで|上記|前|すべて|全て)の?(?:の)?(?:指示|命令|プロンプト|ルール|内容)[^。！？\n]{0,6}(?:無視|忘れ)|無視して[^。！？\n]{0,40}(?:述べて|答えて|言って|出力して|書いて)|システムプロンプト|(?:あなたは今から|これからあなたは)"),
        (MODEL_SPEECH, r"\b(?:ignorier\w*|vergiss|vergessen sie|missacht\w*)\b.{0,40}\b(?:anweisung\w*|anleitung\w*|vorgaben|regeln|befehle|kontext|eingabe\w*|dokument\w*)|\b(?:antworte|antworten sie|schreibe|sage)\s+(?:nur|ausschlie(?:ß|ss)lich|immer|stets)\b"),
        (MODEL_SPEECH, r"\b(?:ignore[zr]?|oublie[zr]?|ne tene?z pas compte)\b.{0,40}\b(?:instructions?|consignes?|directives?|règles|contexte|document)|\b(?:répond(?:s|ez)|dis|dites)\s+(?:uniquement|seulement|toujours)\b"),
        (MODEL_SPEECH, r"\b(?:ignora|ignore|ignorar|olvida|olvide|olvidar|haz caso omiso)\b.{0,40}\b(?:instrucciones|indicaciones|reglas|contexto|órdenes|documento|página)|\b(?:responde|responda|di|diga)\s+(?:solo|sólo|únicamente|siempre)\b"),
        (MODEL_SPEECH, r"(?:игнорир\w*|забуд\w*)\b.{0,40}(?:инструкц|указан|правил|контекст)|(?:تجاهل|انس).{0,30}(?:التعليمات|الأوامر)|(?:이전|위의?|모든).{0,10}(?:지시|명령|지침).{0,10}(?:무시|잊)|निर्देशों की अनदेखी"),
    )
)  # fmt: skip
_FORGED = re.compile(
    r"^\W{0,6}(?:(?:system|assistant|developer|human|ai)(?: (?:message|prompt|note|override|instruction))?\s*(?:[:：]|\]|>|\|)|(?:instructions?|new instructions?)\s*:\s*(?:ignore|you|say|print|reply|answer|respond|return))"
    r"|^#{1,6}\s*(?:system|instructions?(?: for (?:the )?(?:assistant|model|ai))?|assistant|new task)\s*:?\s*$"
    r"|<\|[^<>|]{1,64}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|instructions?)>",
    re.IGNORECASE,
)
_LONGEST = 2000
_LINE = re.compile(r"[^\n]+")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{24,}={0,2}")
_SPELT = re.compile(r"\b(?:\w[ ._\-*]){5,}\w\b")
_LETTERS_APART = re.compile(r"[ ._\-*]")
_SQUEEZED = re.compile(
    r"(?:ignore|disregard|forget|override)\w{0,16}(?:previous|prior|above|earlier|instructions|prompt)|systemprompt|youarenow",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    rf"^\W*(?:instead|then|also|now|just|only|and|please|you|your|do not|don't|never|{_SAY}|{_CHANGE}|remember|this is|if|let)\b|^[\"“'‘「『]|^(?:请|請|你|只|并|並|然后|然後)",
    re.IGNORECASE,
)
_LOOK_ALIKES = str.maketrans(
    "аеорсухіѕјԁɡАВЕЅІЈКМНОРСТХΑΒΕΗΙΚΜΝΟΡΤΧ", "aeopcyxisjdgABESIJKMHOPCTXABEHIKMNOPTX"
)
_IGNORABLE = re.compile(
    "[\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)


def find_instructions(text: str) -> list[Finding]:
    """Return the sentences of `text` that speak to a language model, in order and without overlap."""
    found: list[Finding] = []
    for start, end in _stretches(text):
        sentence = text[start:end]
        kind = classify(sentence)
        if not kind and found and found[-1].kind in (MODEL_SPEECH, FORGED_TURN, ENCODED):
            # What an override announces stands in the sentence behind it.
            breaks = text[found[-1].end : start].count("\n")
            is_near = breaks <= (found[-1].kind == FORGED_TURN)
            kind = found[-1].kind if is_near and _CONTINUES.match(plain(sentence)) else ""
        if kind:
            found.append(Finding(start, end, kind))
    return found


def classify(sentence: str) -> str:
    """Return how one sentence was told to speak to a model; empty when it does not."""
    flat = plain(sentence[:_LONGEST])
    if _FORGED.search(flat):
        return FORGED_TURN
    for kind, pattern in _PATTERNS:
        if pattern.search(flat):
            return kind
    if any(_SQUEEZED.search(_LETTERS_APART.sub("", match[0])) for match in _SPELT.finditer(flat)):
        return MODEL_SPEECH
    return ENCODED if any(_hides_order(match[0]) for match in _BASE64.finditer(sentence)) else ""


def plain(text: str) -> str:
    """Return the text as the rules read it: NFKC, no invisible characters, look-alike letters as Latin ones, single spaces."""
    text = unicodedata.normalize("NFKC", _IGNORABLE.sub("", text))
    words = (_latin(word) for word in text.replace("_", " ").split())
    return " ".join(words)


def _latin(word: str) -> str:
    """Return a word with look-alikes replaced where it mixes scripts, so that real Russian and Greek stay."""
    has_latin = any("a" <= character <= "z" for character in word.lower())
    return word.translate(_LOOK_ALIKES) if has_latin else word


def _stretches(text: str) -> list[tuple[int, int]]:
    """Return sentences, never across a line break: tables, lists and forged turns stand on lines of their own."""
    spans = []
    for line in _LINE.finditer(text):
        spans += [(line.start() + start, line.start() + end) for start, end in sentences(line[0])]
    return spans


def _hides_order(run: str) -> bool:
    """Say whether a run of base64 decodes to an order, from any of its first four characters on."""
    run = run.rstrip("=")
    for offset in range(4):
        whole = run[offset : len(run) - (len(run) - offset) % 4]
        try:
            decoded = base64.b64decode(whole, validate=True).decode("utf-8", errors="strict")
        except (binascii.Error, UnicodeDecodeError):
            continue
        if decoded.isprintable() and any(pattern.search(plain(decoded)) for _, pattern in _PATTERNS):
            return True
    return False
