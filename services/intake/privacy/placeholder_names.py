"""Which names are none: what people write where a name is unknown, refused, or not yet given.

Two people called "Unknown Unknown" are two people. The words are those of the languages in which agencies and the
people they help write; each stands for all its spellings, in Latin script as well, by `canonical_name`. A real name
that looks like one of them costs little: the person is not recognised, and so is served under both references.
"""

import unicodedata

from .name_folding import canonical_name, name_parts

_WORDS = """
en: unknown unk unnamed nameless noname anonymous anon undisclosed unspecified unidentified withheld redacted refused
    confidential pending missing undefined null none nan tbd tba tbc fnu lnu nfn nln test testing dummy sample example
    name surname firstname lastname baby newborn infant child twin nobody someone
ru: неизвестно неизвестен неизвестна неизвестный неизвестная неизвестное неизв безымянный безымянная аноним анонимный
    анонимная анонимно нет отсутствует указан указана указано имя фамилия отчество тест тестовый тестовая
    новорожденный новорожденная младенец ребенок мальчик девочка никто
be: невядома невядомы невядомая невядомае безыменны безыменная ананім ананімны ананімная няма адсутнічае імя прозвішча
    нованароджаны нованароджаная немаўля дзіця хлопчык дзяўчынка ніхто
uk: невідомо невідомий невідома невідоме безіменний безіменна анонім анонімний анонімна немає відсутнє ім'я прізвище
    новонароджений новонароджена немовля дитина хлопчик дівчинка ніхто
pl: nieznany nieznana nieznane niewiadomy anonim anonimowy anonimowa brak imię nazwisko noworodek niemowlę dziecko
de: unbekannt unbekannte unbekannter namenlos anonym keine kein vorname nachname neugeborenes säugling mustermann
    musterfrau
fr: inconnu inconnue anonyme néant aucun prénom nourrisson bébé
es: desconocido desconocida anónimo anónima ninguno ninguna nombre apellido bebé fulano fulana
pt: desconhecido desconhecida anônimo anônima nenhum sobrenome
it: sconosciuto sconosciuta ignoto ignota anonimo anonima nessuno cognome neonato neonata
ro: necunoscut necunoscută anonim anonimă nume prenume
nl: onbekend onbekende naamloos anoniem
da,sv,no: ukendt ukjent okänd okänt navnløs
fi,et: tuntematon nimetön tundmatu nimetu
hu: ismeretlen névtelen
cs,sk: neznámý neznámá neznámé neznámo neznámy neznáma anonymní
bg,sr,sl: неизвестен непознат непозната непознато nepoznat nepoznata nepoznato neznan neznana
lt,lv: nežinomas nežinoma bevardis nezināms nezināma nezināmais
sq: panjohur panjohura panjohurs
el: άγνωστος άγνωστη άγνωστο ανώνυμος ανώνυμη
he: אלמוני אלמונית פלוני פלונית
ka,hy: უცნობი անհայտ անանուն
tr,az: bilinmiyor bilinmeyen meçhul isimsiz bebek naməlum belirsiz
uz,tg,kk,ky: noma'lum номаълум белгісіз белгисиз
ar: مجهول مجهولة مجهولون غير بدون مولود مولودة رضيع رضيعة طفل طفلة فلان فلانة لايوجد
fa: نامعلوم ناشناس نامشخص ندارد بینام نوزاد گمنام
ku: nenas nenaskirî نەناسراو نەزانراو
hi,ne: अज्ञात अनाम गुमनाम शिशु अपरिचित
bn: অজানা অজ্ঞাত অজ্ঞাতনামা অজ্ঞাতনামী নামহীন শিশু
ta,si,my: தெரியாது තෙරියාදු නොදන්නා အမည်မသိ မသိ
so,sw: magacla'aan haijulikani hajulikani asiyejulikana
am,ti: ያልታወቀ ያልታወቀች አይታወቅም ስምየለሽ ዘይፍለጥ ዘይተፈልጠ
id: diketahui anonim
th: ไม่ทราบ ไม่ทราบชื่อ ไม่มีชื่อ
zh,ja,ko: 不详 不詳 未知 无名 無名 无名氏 無名氏 匿名 不明 名無し 미상 불명 무명 신원미상
"""
_PHRASES = (
    "John Doe|Jane Doe|Johnny Doe|Janie Doe|Joe Bloggs|No name|Not known|Not available|Not given|Not stated"
    "|Not provided|Без имени|Без имя|Без імя|Без імені|Не знаю|Bez nazwiska|Sans nom|Nouveau né|Sin nombre"
    "|Recién nacido|Recién nacida|Sem nome|Senza nome|Nomen nescio|Không rõ|Vô danh|לא ידוע|לא ידועה|لا اسم|بلا اسم"
    "|पता नहीं|জানা নেই|नाम नहीं|lama yaqaan|aan la aqoon"
)

PLACEHOLDERS = tuple(word for line in _WORDS.split("\n") for word in line.split() if not word.endswith(":"))
"""Words that are no part of any name, as they are written."""
PLACEHOLDER_PHRASES = tuple(_PHRASES.split("|"))
"""Words that are no name where they stand together."""

_CANONICAL_WORDS = frozenset(map(canonical_name, PLACEHOLDERS))
_CANONICAL_PHRASES = tuple(frozenset(canonical_name(phrase).split()) for phrase in PLACEHOLDER_PHRASES)
_SYLLABLES = ("CJK", "HANGUL", "HIRAGANA", "KATAKANA")
"""Scripts of which one character may be a whole name, as Unicode's character names begin."""


def is_full_name(text: str) -> bool:
    """Whether a name has two parts that are names, and none that stands for an unknown one.

    A single name is shared by too many people. Initials, and one character repeated, are no names.
    """
    canonical = canonical_name(text).split()
    if not _CANONICAL_WORDS.isdisjoint(canonical) or any(phrase <= {*canonical} for phrase in _CANONICAL_PHRASES):
        return False
    return sum(map(_is_spelled_out, name_parts(text))) >= 2


def _is_spelled_out(part: str) -> bool:
    spelling = [
        each for each in unicodedata.normalize("NFKC", part).casefold() if unicodedata.category(each)[0] in "LM"
    ]
    if any(unicodedata.name(each, "").startswith(_SYLLABLES) for each in spelling):
        return True
    return len({*spelling}) > 1
