import re

from persmark.ui.cards import TONES, Card, card_html, tone

HOSTILE = "<img src=x onerror=alert(1)> \"q\" 'a' & ![](http://evil.test/x.png)"


def card(**changed):
    held = {
        "rank": 1, "title": "Oat Drink", "category": "Dairy", "meta": "Oatly · Dairy", "price": "1.99 EUR",
        "reason": "Bought every 9 days, last 11 days ago.", "score": 0.42, "share": 0.5, "kind": "product",
    }  # fmt: skip
    return Card(**{**held, **changed})


def test_a_card_shows_everything_a_person_would_see():
    html = card_html(card())
    for part in ("Oat Drink", "Oatly · Dairy", "1.99 EUR", "Bought every 9 days", "0.42", ">D<", ">1<"):
        assert part in html


def test_data_values_are_escaped_wherever_they_stand():
    html = card_html(card(title=HOSTILE, meta=HOSTILE, price=HOSTILE, reason=HOSTILE, category=HOSTILE))
    assert "<img" not in html
    assert html.count("&lt;img") == 4
    assert not re.search(r"onerror=alert\(1\)>", html)


def test_a_pinned_item_has_no_score():
    assert "pinned" in card_html(card(score=None, share=0.0))


def test_the_bar_stays_inside_its_track():
    assert "width:100%" in card_html(card(share=7.0))
    assert "width:0%" in card_html(card(share=-1.0))


def test_a_category_keeps_its_colour():
    assert tone("乳品") == tone("乳品")
    assert tone("Dairy") in TONES


def test_the_letter_comes_from_the_category_else_the_title():
    assert ">O<" in card_html(card(category="", title="(oat) drink"))
    assert ">#<" in card_html(card(category="", title="***"))
    assert ">乳<" in card_html(card(category="乳品"))
