# ruff: noqa: SIM905 - word lists are read more easily as text
"""Made-up people, places, companies and addresses in many languages, for training the recogniser of names."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable

from faker import Faker

LOCALES = (
    "en_US en_GB en_AU en_IN en_NZ de_DE de_AT fr_FR fr_CH es_ES es_MX it_IT pt_BR pt_PT nl_NL nl_BE da_DK sv_SE no_NO fi_FI "
    "pl_PL cs_CZ sk_SK hu_HU ro_RO sl_SI hr_HR et_EE lt_LT lv_LV tr_TR is_IS id_ID vi_VN ga_IE zu_ZA"
).split()
EXTRA_FIRST = (
    "Akira Haruka Kenji Yuki Sakura Takashi Hiroshi Naoko Emiko Daichi Ayumi Wei Ming Xiao Jing Hui Jun Mei Ling Bo Chen Fatima Ahmed Mohamed Ali "
    "Omar Youssef Layla Aisha Hassan Ibrahim Khadija Salma Tariq Zainab Sergei Dmitri Olga Natalia Ivan Svetlana Mikhail Tatiana Vladimir Irina "
    "Alexei Ekaterina Boris Ludmila Yuri Oksana Taras Bohdan Nikos Giorgos Eleni Dimitris Katerina Kwame Amina Chinedu Ngozi Oluwaseun Adaeze Thabo "
    "Lerato Ravi Priya Arjun Ananya Sanjay Deepa Vikram Lakshmi Rohan Kavita Minh Linh Huong Tuan Somchai Siti Budi Dewi Kim Jin Soo Min Hyun "
    "Guðrún Björn Sigríður Þórdís Jón Ólafur Ragnheiður Einar Leifur Svanhildur Halldór Ásta Kolbeinn Snorri Ásgeir"
).split()
EXTRA_LAST = (
    "Tanaka Suzuki Sato Watanabe Ito Yamamoto Nakamura Kobayashi Kato Yoshida Yamada Sasaki Mori Zhang Wang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun "
    "Hu Zhu Gao Lin He Guo Ma Luo Petrov Ivanova Smirnov Kuznetsova Popov Sokolova Volkov Morozova Fedorov Orlova Lebedev Kozlova Nguyen Tran Le Pham "
    "Hoang Phan Vu Dang Bui Papadopoulos Georgiou Nikolaidis Al-Farsi Haddad Khoury Mansour Nasser El-Sayed Benali Cherif Trabelsi Mensah Okafor "
    "Adeyemi Nkosi Dlamini Patel Sharma Singh Kumar Gupta Reddy Iyer Khan Hussain Rahman Kim Lee Park Choi Jung Kang Cho O'Brien O'Connor McDonald "
    "MacLeod D'Angelo de Souza van Dijk von Braun Jónsson Sigurðardóttir Einarsdóttir Guðmundsson Gunnarsdóttir Magnússon Ólafsdóttir Stefánsson "
    "Helgadóttir Kristjánsdóttir Þórsson Nielsen Hansen Jørgensen Mäkinen Korhonen Virtanen Lindqvist Bergström Kowalczyk Wiśniewski Nowak Dvořák "
    "Novotná Szabó Kovács Nagy Horváth Novak Kralj Tamm Saar"
).split()
NATIONALITIES = (
    "American British English Scottish Welsh Irish French German Austrian Swiss Dutch Belgian Danish Swedish Norwegian Finnish Icelandic Polish Czech "
    "Slovak Hungarian Romanian Bulgarian Greek Turkish Russian Ukrainian Estonian Latvian Lithuanian Italian Spanish Portuguese Brazilian Mexican "
    "Argentine Chilean Peruvian Colombian Cuban Canadian Australian Chinese Japanese Korean Vietnamese Thai Indonesian Malaysian Indian Pakistani "
    "Bangladeshi Iranian Iraqi Israeli Egyptian Moroccan Tunisian Nigerian Kenyan Ethiopian Ghanaian Jewish Muslim Christian Catholic Protestant "
    "Buddhist Hindu Kurdish Arab African Asian European Serbian Croatian Slovenian Albanian Cypriot Filipino Saudi Syrian Lebanese"
).split()
HONORIFICS = "Mr Mr. Mrs Mrs. Ms Ms. Miss Dr Dr. Prof. Professor Sir Madam".split()
MILITARY = ("APO", "FPO", "DPO")
MONTHS = "January February March April May June July August September October November December Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
STREET_ENDINGS = (
    "Street St Avenue Ave Road Rd Lane Drive Court Way Place Terrace Crescent Close Square Boulevard Parkway Hill Grove Gardens Row Park Walk"
).split()
FOREIGN_STREETS = (
    "Rua {w}|Rua do {w}|Avenida {w}|Calle {w}|Calle de {w}|Plaza {w}|Via {w}|Viale {w}|Piazza {w}|Corso {w}|Vicolo {w}|rue {w}|rue de {w}|Rue du {w}|"
    "Avenue {w}|boulevard {w}|place {w}|chemin {w}|{s}straße|{s}strasse|{s}weg|{s}gasse|{s}platz|{s}allee|{s}vej|{s}gade|{s}vænget|{s}toften|"
    "{s}vägen|{s}gatan|{s}veien|{s}gata|{s}bakken|{s}katu|{s}tie|{s}polku|{s}straat|{s}laan|{s}dijk|{s}plein|ul. {w}|{s}ska|{s}ova|{s}ická|{s}ní|"
    "{s}utca|{s} utca|{s} út|{s} tn|{s} mnt|{s} gatvė|{s} iela|Strada {w}|Aleea {w}|Ulica {w}|{s} ulica|{s} Sokak|{s} Caddesi|{s}stígur|{s}braut|"
    "{s}bær|Jalan {w}|Loop {w}|{w}laan|Colonia {w}|Praça {w}|Travessa {w}|Vasagatan {w}|Pod {w}|Na {w}|U {w}"
).split("|")
WEIRD_WORDS = "Zentrix Novalis Brightpath Cloudarc Medisoft Finlytics Greenleaf Datamoor Solaris Quantix Rivertek Omnivia Perkstar Lumio Vexel Kinetiq Acadia Hearthly Openlane Mapfold Farmnote Citysense Energo Tradelift Weftline Polarbyte Tinglass".split()
ORG_ENDINGS = "Inc Inc. Ltd Ltd. LLC PLC Corp Corp. Group Holdings Partners & Co GmbH AG S.A. BV AB Oy Solutions Systems Technologies Labs Capital Bank Insurance Foundation University College Hospital Institute Association Airlines Media Studios Pharma Energy Logistics Consulting Services Analytics Networks Records Transit Health Investments".split()


class Source:
    """Made-up people, places and companies; everything is drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.fakers: list[Faker] = []
        for locale in LOCALES:
            maker = Faker(locale)
            maker.seed_instance(seed)
            self.fakers.append(maker)
        self.first, self.last, self.cities = set(EXTRA_FIRST), set(EXTRA_LAST), set()
        for maker in self.fakers:
            for _ in range(500):
                self.first.add(_latin(maker.first_name()))
                self.last.add(_latin(maker.last_name()))
                city = _latin(maker.city())
                if not any(character.isdigit() for character in city):
                    self.cities.add(city)
        english = self.fakers[0]
        self.countries = sorted(
            {english.country() for _ in range(1500)}
            | {"Czech Republic", "Taiwan", "England", "Scotland", "Wales", "USA", "UK", "U.S."}
        )
        self.jobs = sorted({english.job().split(",")[0] for _ in range(1500)})
        self.first, self.last, self.cities = (
            {name for name in names if 1 < len(name) < 30} for names in (self.first, self.last, self.cities)
        )
        self.lists = [sorted(self.first), sorted(self.last), sorted(self.cities)]

    def fill(self, slot: str) -> tuple[str, str]:
        """Return a text for a slot and its label ('' for none)."""
        chance = self.chance
        first, last = chance.choice(self.lists[0]), self._surname()
        simple: dict[str, Callable[[], tuple[str, str]]] = {
            "first": lambda: (first, "PER"),
            "last": lambda: (last, "PER"),
            "per": lambda: (self._person(first, last), "PER"),
            "init": lambda: (
                f"{first[0]}. {last}"
                if chance.random() < 0.5
                else f"{first} {chance.choice('ABCDEFGHJKLMRST')}. {last}",
                "PER",
            ),
            "hon": lambda: (chance.choice(HONORIFICS), "TTL"),
            "city": lambda: (self._cased(self._place()), "LOC"),
            "country": lambda: (chance.choice(self.countries), "LOC"),
            "street": lambda: (self._street(), "ADR"),
            "adr": lambda: (self._address(", " if chance.random() < 0.5 else " "), "ADR"),
            "adrl": lambda: (self._address("\n"), "ADR"),
            "org": lambda: (self._company(), "ORG"),
            "nat": lambda: (chance.choice(NATIONALITIES), "NRP"),
            "job": lambda: (self._job(), "TTL"),
            "age": lambda: (str(chance.randrange(1, 100)), "AGE"),
            "date": lambda: (self._date(), "DAT"),
            "year": lambda: (str(chance.randrange(1900, 2030)), "DAT"),
            "zip": lambda: (self._zip(), "ADR"),
            "time": lambda: (f"{chance.randrange(24)}:{chance.randrange(60):02d}", ""),
            "num": lambda: (str(chance.choice([chance.randrange(1, 20), chance.randrange(20, 5000)])), ""),
            "phone": lambda: (chance.choice(self.fakers[:12]).phone_number(), ""),
            "email": lambda: (
                f"{_plain(first).lower()}.{_plain(last).lower()}@example.com".replace(" ", ""),
                "",
            ),
            "card": lambda: (self.fakers[0].credit_card_number(), ""),
            "amt": lambda: (
                chance.choice(["${}", "{} EUR", "£{}", "{} dollars"]).format(chance.randrange(5, 20000)),
                "",
            ),
        }
        return simple[slot]()

    def _surname(self) -> str:
        last = self.chance.choice(self.lists[1])
        return f"{last}-{self.chance.choice(self.lists[1])}" if self.chance.random() < 0.03 else last

    def _person(self, first: str, last: str) -> str:
        draw = self.chance.random()
        if draw < 0.12:
            return f"{first} {self.chance.choice('ABCDEFGHJKLMNPRSTV')}{self.chance.choice(['', '.'])} {last}"
        if draw < 0.17:
            return f"{first} {self.chance.choice(self.lists[0])} {last}"
        if draw < 0.2:
            return f"{first} {last} {self.chance.choice(['Jr.', 'II', 'III', 'MD', 'PhD'])}"
        return f"{first} {last}"

    def _place(self) -> str:
        draw = self.chance.random()
        if draw < 0.5:
            return self.chance.choice(self.lists[2])
        word = self.chance.choice(self.lists[1]).split()[-1]
        return self.chance.choice(
            [
                "{}",
                "{}",
                "Port {}",
                "New {}",
                "{} City",
                "Saint {}",
                "{}ville",
                "{}burg",
                "{}ton",
                "{}dorf",
                "{} Falls",
                "{} Bay",
                "San {}",
                "Bad {}",
                "{}berg",
                "{}holm",
                "Upper {}",
                "{} V",
            ]
        ).format(word)

    def _cased(self, text: str) -> str:
        return text.upper() if self.chance.random() < 0.15 else text

    def _street(self) -> str:
        chance = self.chance
        word = chance.choice(self.lists[1] if chance.random() < 0.6 else self.lists[2]).split()[-1]
        number = str(chance.randrange(1, chance.choice([30, 200, 2000, 99999]))) + (
            "ab"[chance.randrange(2)] if chance.random() < 0.05 else ""
        )
        if chance.random() < 0.15:
            number = number.zfill(3)
        if chance.random() < 0.45:
            name = (
                f"{word} {chance.choice(STREET_ENDINGS)}"
                if chance.random() < 0.8
                else f"{word} {chance.choice(STREET_ENDINGS)} {chance.choice(['N', 'S', 'East', 'West'])}"
            )
            return f"{number} {name}" if chance.random() < 0.85 else name
        stem = word.removesuffix("s")
        name = chance.choice(FOREIGN_STREETS).format(w=word, s=stem)
        name = name if chance.random() < 0.95 else name.lower()
        draw = chance.random()
        if draw < 0.4:
            return f"{name} {number}"
        if draw < 0.7:
            return f"{chance.randrange(1000, 99999):05d} {name} {number}"
        return f"{number} {name}" if draw < 0.9 else f"{name}, {number}"

    def _address(self, joint: str) -> str:
        chance = self.chance
        if chance.random() < 0.08:
            box = chance.choice(["P.O. Box {}", "PO Box {}", "Box {}"]).format(chance.randrange(1, 9999))
            unit = chance.choice(["Unit {}", "PSC {}", "CMR {}"]).format(chance.randrange(1, 9999))
            tail = f"{chance.choice(MILITARY)} {chance.choice(['AE', 'AP', 'AA'])} {chance.randrange(10000, 99999)}"
            return (
                f"{unit}{chance.choice([' ', ', '])}{box}{joint}{tail}"
                if chance.random() < 0.7
                else box + joint + self._cased(self._place())
            )
        parts = [self._street()]
        if chance.random() < 0.35:
            parts.append(
                chance.choice(
                    [
                        "Apt. {}",
                        "Apt {}",
                        "Suite {}",
                        "Unit {}",
                        "Floor {}",
                        "Flat {}",
                        "Room {}",
                        "#{}",
                        "Apartment {}",
                    ]
                ).format(chance.randrange(1, 999))
            )
        place = self._cased(self._place())
        draw = chance.random()
        if draw < 0.3:
            parts.append(f"{self._zip()} {place}")
        elif draw < 0.5:
            parts.append(
                f"{place}, {chance.choice(['CA', 'NY', 'TX', 'WA', 'FL', 'IL', 'NSW', 'ON'])} {self._zip()}"
            )
        elif draw < 0.85:
            parts.append(place)
        if chance.random() < 0.4:
            parts.append(chance.choice(self.countries) + (f" {self._zip()}" if chance.random() < 0.4 else ""))
        return joint.join(parts)

    def _zip(self) -> str:
        chance = self.chance
        return chance.choice(
            [
                f"{chance.randrange(1000, 9999)}",
                f"{chance.randrange(501, 99950):05d}",
                f"{chance.randrange(100, 999)} {chance.randrange(10, 99)}",
                f"{chance.choice('ABELNSW')}{chance.randrange(1, 20)} {chance.randrange(1, 9)}{chance.choice('ABDEFGH')}{chance.choice('JLNPQR')}",
            ]
        )

    def _company(self) -> str:
        chance = self.chance
        last = lambda: chance.choice(self.lists[1]).split()[-1]  # noqa: E731
        word = chance.choice(
            [last(), chance.choice(WEIRD_WORDS), chance.choice(WEIRD_WORDS), self._invent(), self._invent()]
        )
        draw = chance.random()
        if draw < 0.45:
            return f"{word} {chance.choice(ORG_ENDINGS)}"
        if draw < 0.72:
            return word
        if draw < 0.8:
            return f"{last()}-{last()}"
        if draw < 0.86:
            return f"{last()}, {last()} and {last()}"
        if draw < 0.91:
            return f"{last()} & {chance.choice(['Sons', 'Co', last()])}"
        if draw < 0.95:
            return f"{chance.choice(['University', 'Bank', 'Institute', 'Museum', 'Ministry'])} of {self._place()}"
        return "".join(chance.choice("ABCDEFGHIKLMNPRST") for _ in range(chance.randrange(3, 5)))

    def _invent(self) -> str:
        chance = self.chance
        text = "".join(
            chance.choice("bcdfghklmnprstvz") + chance.choice("aeiou") for _ in range(chance.randrange(2, 4))
        ) + chance.choice(["x", "n", "", "r", "tech", "ly", "soft", "hub", "data"])
        return (
            text.capitalize()
            if chance.random() < 0.85
            else chance.choice(["i", "e", "my"]) + text.capitalize()
        )

    def _job(self) -> str:
        job = self.chance.choice(self.jobs)
        return (
            job
            if self.chance.random() < 0.4
            else job.lower()
            if self.chance.random() < 0.5
            else self.chance.choice(
                [
                    "CEO",
                    "director",
                    "manager",
                    "nurse",
                    "teacher",
                    "engineer",
                    "spokesman",
                    "chairman",
                    "clerk",
                    "driver",
                    "President",
                    "head of sales",
                    "baker",
                    "machine operator",
                    "editor",
                ]
            )
        )

    def _date(self) -> str:
        chance = self.chance
        day, month, year = chance.randrange(1, 29), chance.randrange(1, 13), chance.randrange(1930, 2030)
        name = chance.choice(MONTHS)
        return chance.choice(
            [f"{day}/{month}/{year}", f"{month}/{day}/{year}", f"{year}-{month:02d}-{day:02d}", f"{day}.{month}.{year}", f"{name} {day}, {year}", f"{day} {name} {year}",
             f"{name} {year}", f"{name} {day}", chance.choice(DAYS), f"{year}-{month:02d}-{day:02d} {chance.randrange(24):02d}:{chance.randrange(60):02d}:00"]
        )  # fmt: skip


def _latin(text: str) -> str:
    return (
        text
        if all(unicodedata.name(letter, "").startswith("LATIN") for letter in text if letter.isalpha())
        else "Smith"
    )


def _plain(text: str) -> str:
    return (
        "".join(
            letter for letter in unicodedata.normalize("NFKD", text) if letter.isascii() and letter.isalpha()
        )
        or "x"
    )
