"""What the model is told, in the language of the answers: English, simplified and traditional Chinese, Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """The fixed phrases of a prompt in one language; `{...}` are filled in."""

    grounded: str
    closed: str
    cite: str
    absent: str
    quote: str
    quote_label: str
    answer_label: str
    question_label: str
    sections: str
    schema: str
    banned: str
    words: str
    characters: str
    repair: str
    not_found: str


_ENGLISH = Wording(
    grounded="Answer the question from the numbered passages only.",
    closed="Answer the question.",
    cite="After each statement cite the passage it rests on as [n].",
    absent="If the answer is not there, reply exactly: {not_found}",
    quote="First quote the sentence that answers the question, then answer.",
    quote_label="Quote:",
    answer_label="Answer:",
    question_label="Question:",
    sections="Write these headings exactly and in this order, with text after each: {sections}",
    schema="Reply with JSON only that follows this JSON Schema: {schema}",
    banned="Never use: {banned}",
    words="Use at most {limit} words.",
    characters="Use at most {limit} characters.",
    repair="Your answer breaks the required form: {violations} Write it again in the required form, and nothing else.",
    not_found="This is not in the documents.",
)
_SIMPLIFIED = Wording(
    grounded="只根据编号的段落回答问题。",
    closed="回答问题。",
    cite="每句话之后用 [n] 标明依据的段落。",
    absent="如果段落中没有答案，请原样回复：{not_found}",
    quote="先引用回答问题的原句，再作答。",
    quote_label="引文：",
    answer_label="回答：",
    question_label="问题：",
    sections="请原样、依次写出以下标题，并在每个标题后写内容：{sections}",
    schema="只输出符合以下 JSON Schema 的 JSON：{schema}",
    banned="不得使用：{banned}",
    words="最多 {limit} 个词。",
    characters="最多 {limit} 个字符。",
    repair="你的回答不符合要求的格式：{violations} 请按要求的格式重写，不要输出其他内容。",
    not_found="文件中没有相关内容。",
)
_TRADITIONAL = Wording(
    grounded="只根據編號的段落回答問題。",
    closed="回答問題。",
    cite="每句話之後用 [n] 標明依據的段落。",
    absent="如果段落中沒有答案，請原樣回覆：{not_found}",
    quote="先引用回答問題的原句，再作答。",
    quote_label="引文：",
    answer_label="回答：",
    question_label="問題：",
    sections="請原樣、依次寫出以下標題，並在每個標題後寫內容：{sections}",
    schema="只輸出符合以下 JSON Schema 的 JSON：{schema}",
    banned="不得使用：{banned}",
    words="最多 {limit} 個詞。",
    characters="最多 {limit} 個字元。",
    repair="你的回答不符合要求的格式：{violations} 請按要求的格式重寫，不要輸出其他內容。",
    not_found="文件中沒有相關內容。",
)
_JAPANESE = Wording(
    grounded="番号付きの文章だけに基づいて質問に答えてください。",
    closed="質問に答えてください。",
    cite="各文の後に根拠となる文章を [n] で示してください。",
    absent="答えがない場合は、次のとおりに答えてください：{not_found}",
    quote="まず答えとなる文を引用し、次に答えてください。",
    quote_label="引用：",
    answer_label="回答：",
    question_label="質問：",
    sections="次の見出しをこの順にそのまま書き、それぞれの後に内容を書いてください：{sections}",
    schema="次の JSON Schema に従う JSON だけを出力してください：{schema}",
    banned="使ってはいけない表現：{banned}",
    words="{limit} 語以内で書いてください。",
    characters="{limit} 文字以内で書いてください。",
    repair="回答が求められた形式に合っていません：{violations} 形式どおりに書き直し、ほかには何も出力しないでください。",
    not_found="文書には記載がありません。",
)
_WORDINGS: Mapping[str, Wording] = {
    "en": _ENGLISH,
    "zh": _SIMPLIFIED,
    "zh-Hans": _SIMPLIFIED,
    "zh-Hant": _TRADITIONAL,
    "ja": _JAPANESE,
}


def find_wording(language: str) -> Wording:
    """Return the wording of a language code; English for languages that have none of their own."""
    return _WORDINGS.get(language, _WORDINGS.get(language.split("-")[0], _ENGLISH))
