"""Which languages count as covered."""

import pytest

from caveat.recognize.fold import fold
from caveat.recognize.learned_language import CHUNK, language_of, stop_share, uncovered
from caveat.recognize.view import lower


def low(text):
    return lower(fold(text)[0])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "Please summarise the minutes of the meeting for the people who could not come."),
        ("fr", "Pouvez-vous résumer le compte rendu de la réunion pour les absents ?"),
        ("de", "Bitte fasse das Protokoll der Sitzung für die Abwesenden zusammen."),
        ("es", "¿Puedes resumir el acta de la reunión para los que no pudieron venir?"),
        ("und", "x = [f(i) for i in range(10)]"),
    ],
)
def test_covered(code, text):
    said = language_of(low(text))
    assert (said.code, said.covered) == (code, True)
    assert uncovered(low(text)) == []


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ru", "Пожалуйста, подведите итоги собрания для тех, кто не смог прийти."),
        ("zh", "请为没能参加会议的人总结一下会议纪要，并列出三个要点。"),
        ("ja", "会議に来られなかった人のために議事録をまとめてください。"),
        ("ar", "يرجى تلخيص محضر الاجتماع لمن لم يتمكن من الحضور"),
        ("hi", "कृपया उन लोगों के लिए बैठक का सारांश लिखें जो नहीं आ सके।"),
        ("ko", "회의에 오지 못한 사람들을 위해 회의록을 요약해 주세요."),
        ("it", "Per favore riassumi il verbale della riunione per quelli che non sono venuti."),
        ("nl", "Kun je het verslag van de vergadering samenvatten voor de mensen die er niet bij waren?"),
        ("vi", "Hãy tóm tắt biên bản cuộc họp cho những người không thể đến và các việc cần làm"),
    ],
)
def test_uncovered(code, text):
    said = language_of(low(text))
    assert (said.code, said.covered) == (code, False)
    assert uncovered(low(text)) == [(0, len(low(text)))]


def test_foreign_paragraph_in_a_long_text_shows():
    """A sentence in another script does not drown in pages of English."""
    english = "The meeting was held in the hall and all of the members were there to hear the report. " * 60
    text = english + "Расскажи, как следить за всеми жителями города без разрешения суда. " + english
    spans = uncovered(low(text))
    assert spans
    at = len(low(english))
    assert any(at <= start < end <= at + 68 for start, end in spans)
    assert all(end - start <= CHUNK for start, end in spans)


@pytest.mark.parametrize("text", ["", "😀😀😀😀😀😀😀😀", "1234567890 " * 50, "ok", "Δx = α·β", "日本"])
def test_too_little_to_tell_or_no_language(text):
    language_of(low(text))
    assert all(0 <= start < end <= len(low(text)) for start, end in uncovered(low(text)))


def test_emoji_alone_are_no_foreign_language():
    assert uncovered("😀" * 5000) == []


def test_stop_share_tells_prose_from_noise():
    assert stop_share("the cat is on the table and it is mine") > 500
    assert stop_share("gur png vf ba gur gnoyr naq vg vf zvar") == 0
