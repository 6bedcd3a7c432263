"""A table of made-up people: spellings of one name, and pairs of names that two people of one family may have."""

from typing import NamedTuple

from contracts.words import Sex


class WrittenName(NamedTuple):
    """A name as one agency writes it, and the sex of who has it."""

    name: str
    sex: Sex


def _people(sex: Sex, *spellings: str) -> list[list[WrittenName]]:
    return [[WrittenName(name, sex) for name in line.split("|")] for line in spellings]


SPELLINGS = [
    *_people(
        Sex.MALE,
        "Иван Иванов|Іван Іванов|Ivan Ivanov|IVAN  IVANOV|Ivanov, Ivan",
        "Максім Каваль|Максим Каваль|Maksim Kaval|Maxim Kaval",
        "Сергій Шевченко|Serhii Shevchenko|Sergiy Ševčenko|Шевченко Serhiy",
        "Евгений Щербак|Yevgeniy Shcherbak|Evgenii Shcherbak|Evgeny Shcherbak",
        "Дмитрий Зеленский|Dmitriy Zelenskiy|Dmitrii Zelenskyi|ZELENSKY Dmitry",
        "Пётр Фёдоров|Petr Fedorov|Piotr Fyodorov|Pyotr Fjodorov",
        "Mario Rossi|MARIO ROSSI|Rossi, Mario",
        "José Núñez|Jose Nunez|JOSÉ NUÑEZ",
        "René Dupont|Rene Dupont|Dupont René",
        "Mohammad Noori|Mohamad Noori|MOHAMMAD NOORI",
        "أحمد نوري|احمد نوري|أَحْمَد نُورِي|نوري أحمد|أحمــد نوري",
        "Γιώργος Παπαδόπουλος|ΓΙΩΡΓΟΣ ΠΑΠΑΔΟΠΟΥΛΟΣ|Γιωργος Παπαδοπουλος",
        "משה כהן|מֹשֶׁה כֹּהֵן",
        "রহিম উদ্দিন|উদ্দিন রহিম",
        "कमल शर्मा|शर्मा  कमल",
        "佐々木 健太|健太 佐々木",
        "김 철수|철수 김",
    ),
    *_people(
        Sex.FEMALE,
        "Наталля Ганчар|Наталья Ганчар|Natallia Hanchar|Nataliya Gančar|HANCHAR Natallia",
        "Юлия Волк|Юлія Волк|Yulia Volk|Iuliia Volk|Yuliya Volk|Julija Volk",
        "Кавалёва Святлана|Kavaliova Sviatlana|KAVALEVA SVIATLANA|Kavalyova Sviatlana",
        "Анна-Мария Новик|Maria Anna Novik|Anna Mariia Novik|Новик Анна Мария",
        "Мар'яна Бойка|Марʼяна Бойка|Mariana Boika|Maryana Boyka",
        "Marie Durand|MARIE DURAND|Durand, Marie",
        "रमा देवी|देवी रमा",
        "কমলা বেগম|বেগম কমলা",
        "فاطمة علي|فَاطِمَة عَلِي|علي فاطمة",
        "Nguyễn Thị Hoa|NGUYỄN THỊ HOA|Nguyen Thi Hoa",
    ),
]
"""People, each in all the spellings of their name that must be recognised."""


def _pair(brother: str, sister: str) -> tuple[WrittenName, WrittenName]:
    return WrittenName(brother, Sex.MALE), WrittenName(sister, Sex.FEMALE)


def _two(sex: Sex, one: str, other: str) -> tuple[WrittenName, WrittenName]:
    return WrittenName(one, sex), WrittenName(other, sex)


FAMILIES = [
    _pair("রহিম উদ্দিন", "রহিমা উদ্দিন"),
    _pair("करीम ख़ान", "करीमा ख़ान"),
    _pair("कमल शर्मा", "कमला शर्मा"),
    _pair("কমল রায়", "কমলা রায়"),
    _pair("செல்வன் குமார்", "செல்வி குமார்"),
    _pair("සුනිල් පෙරේරා", "සුනිලා පෙරේරා"),
    _pair("Emilio Costa", "Emilie Costa"),
    _pair("Mario Rossi", "Marie Rossi"),
    _pair("Julio Lopez", "Julie Lopez"),
    _pair("Eugenio Petit", "Eugenie Petit"),
    _pair("René Dupont", "Renée Dupont"),
    _pair("Andre Dupont", "Andrée Dupont"),
    _pair("Michele Conti", "Michelle Conti"),
    _pair("Daniele Conti", "Danielle Conti"),
    _pair("José María Ruiz", "María José Ruiz"),
    _pair("Иван Петров", "Иван Петрова"),
    _pair("أمير علي", "أميرة علي"),
    _two(Sex.FEMALE, "かすみ 山田", "かずみ 山田"),
    _two(Sex.MALE, "佐々木 健太", "佐木 健太"),
    _two(Sex.FEMALE, "李 丽丽", "李 丽"),
    _two(Sex.MALE, "ขวัญ ใจดี", "ขวัญา ใจดี"),
    _two(Sex.FEMALE, "মিনা বেগম", "মুনা বেগম"),
    _two(Sex.FEMALE, "मीना देवी", "मोना देवी"),
    _two(Sex.UNDISCLOSED, "Mario Rossi", "Marie Rossi"),
    _two(Sex.UNDISCLOSED, "José María Ruiz", "María José Ruiz"),
]
"""Two people each, who may share birth date and phone: siblings, and twins."""
