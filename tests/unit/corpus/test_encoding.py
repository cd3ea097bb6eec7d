import pytest

from knowhow.corpus.content import LoadError
from knowhow.corpus.encoding import declared_encoding, decode

CHINESE = "本行规定：客户应在三十日内提出书面申请，逾期不予受理。手续费按照下列标准收取。"
TRADITIONAL = "本行規定：客戶應在三十日內提出書面申請，逾期不予受理。手續費按照下列標準收取。"
JAPANESE = "お客様は三十日以内に書面でお申し込みください。手数料は次のとおりです。"
FRENCH = "Le montant dû s’élève à 12,50 € – payable avant l’échéance, où que vous soyez."
GERMAN = "Für Überweisungen außerhalb der Öffnungszeiten gilt eine Gebühr."
RUSSIAN = "Заявление подаётся в письменной форме в течение тридцати дней."
KOREAN = "고객은 삼십일 이내에 서면으로 신청하여야 합니다."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "utf-8"),
        (CHINESE, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (CHINESE, "gb18030"),
        (CHINESE, "gb2312"),
        (TRADITIONAL, "big5"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (FRENCH, "cp1252"),
        (GERMAN, "latin-1"),
        (RUSSIAN, "cp1251"),
        (KOREAN, "cp949"),
        ("Opening hours and fees", "utf-16-le"),
        ("Opening hours and fees", "utf-16-be"),
        ("Opening hours and fees", "utf-32-le"),
        ("", "utf-8"),
    ],
)
def test_the_encoding_is_found_out(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_declared_encoding_decides_where_bytes_fit_several() -> None:
    data = "Привет".encode("koi8-r")
    assert decode(data, "koi8-r") == "Привет"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'<meta charset="gb2312">', "gb2312"),
        (b"<meta http-equiv=content-type content='text/html; charset=big5'>", "big5"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>', "ISO-8859-1"),
        (b"<p>none</p>", ""),
    ],
)
def test_the_declaration_is_read(head: bytes, expected: str) -> None:
    assert declared_encoding(head) == expected


def test_a_broken_declaration_is_passed_over() -> None:
    assert decode("Gebühr".encode(), "no-such-encoding") == "Gebühr"


def test_binary_data_is_refused() -> None:
    with pytest.raises(LoadError, match="binary data") as caught:
        decode(bytes(range(256)) * 40)
    assert caught.value.kind == "binary"
