"""visual_number: characters, contract ids, the comparison key, the batch's rules, and mishaps that are named."""

from __future__ import annotations

import json
import string
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tagsmith.errors import ConfigError, NumberError
from tagsmith.visual_number import (
    MAX_LENGTH,
    MAX_TEXT_LENGTH,
    Check,
    CheckPolicy,
    Format,
    Layout,
    NumberDecision,
    NumberReason,
    Rules,
    VisualNumber,
    din_check,
    iso_check,
    judge,
    retype,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "check-digits.json").read_text("utf-8"))
OK, WARN, BLOCK = NumberDecision.OK, NumberDecision.WARN, NumberDecision.BLOCK
POLICIES = list(CheckPolicy)

untimed = settings(deadline=None)

LETTERS = string.ascii_uppercase
ALPHANUMERICS = string.digits + LETTERS


def bodies(instance: int) -> st.SearchStrategy[str]:
    """Country, provider and an instance of so many characters, upper case, without separators."""
    return st.tuples(
        st.text(LETTERS, min_size=2, max_size=2), st.text(ALPHANUMERICS, min_size=3 + instance, max_size=3 + instance)
    ).map("".join)


def spellings(body: str, check: str, separators: str) -> list[str]:
    """Every way in which a contract id may be written, with its check character."""
    country, provider, instance = body[:2], body[2:5], body[5:]
    written = [body + check]
    for sep in separators:
        apart = f"{country}{sep}{provider}{sep}{instance}"
        written += [f"{body}{sep}{check}", f"{apart}{sep}{check}", f"{apart}{check}"]
    return [*written, *(text.lower() for text in written)]


# --- contract ids ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "check"), VECTORS["din"].items())
def test_published_din_check_digits(body: str, check: str) -> None:
    """Every published DIN id passes in every spelling, and without its check digit that digit is expected."""
    assert din_check(body) == din_check(body.lower()) == check
    for text in spellings(body, check, "*-"):
        number = VisualNumber.parse(text)
        assert (number.format, number.check, number.expected, number.text) == (Format.DIN, Check.OK, check, text)
        assert judge(text).decision is OK
    bare = VisualNumber.parse(body)
    assert (bare.format, bare.check, bare.expected) == (Format.DIN, Check.ABSENT, check)


@pytest.mark.parametrize(("body", "check"), VECTORS["iso"].items())
def test_published_iso_check_digits(body: str, check: str) -> None:
    """Every published eMI3 id passes in every spelling, and without its check digit that digit is expected."""
    assert iso_check(body) == iso_check(body.lower()) == check
    for text in spellings(body, check, "-"):
        number = VisualNumber.parse(text)
        assert (number.format, number.check, number.expected, number.text) == (Format.ISO, Check.OK, check, text)
        assert number.emi3 == f"{body[:2]}-{body[2:5]}-{body[5:]}-{check}"
        assert judge(text).decision is OK
    bare = VisualNumber.parse(body)
    assert (bare.format, bare.check, bare.expected) == (Format.ISO, Check.ABSENT, check)


@pytest.mark.parametrize("text", VECTORS["invalid"])
def test_published_invalid_ids_fail(text: str) -> None:
    """They are recognised, their check fails, and the policy says what that comes to."""
    number = VisualNumber.parse(text)
    assert number.format is not Format.OTHER
    assert number.check is Check.FAILED
    assert [
        judge(text, Rules(policy)).decision for policy in (CheckPolicy.OK, CheckPolicy.WARN, CheckPolicy.BLOCK)
    ] == [
        OK,
        WARN,
        BLOCK,
    ]
    assert judge(text).reason is NumberReason.CHECK_DIGIT
    assert f"should be {number.expected}" in judge(text).hint
    assert judge(text, Rules(CheckPolicy.OK)).reason is NumberReason.OK


@pytest.mark.parametrize(("din", "emi3"), VECTORS["din_to_emi3"].items())
def test_published_conversions(din: str, emi3: str) -> None:
    """A DIN id becomes the published eMI3 id, also when its check digit is not printed."""
    assert VisualNumber.parse(din).emi3 == emi3
    assert VisualNumber.parse(din[:-2]).emi3 == emi3
    assert VisualNumber.parse(emi3).emi3 == emi3
    assert VisualNumber.parse(emi3[:-2].lower()).emi3 == emi3


def test_what_has_no_conversion() -> None:
    """Opaque text has none, nor has a DIN id with a wrong character somewhere; a wrong ISO id is shown as it is."""
    assert VisualNumber.parse("KEY 1234").emi3 is None
    assert VisualNumber.parse("NL-TNM-122045-1").emi3 is None
    assert VisualNumber.parse("DE8PSC0CD0C002Q").emi3 == "DE-8PS-C0CD0C002-Q"


def test_the_vendors_samples() -> None:
    """The two ISO samples fail with the check characters known for them, the DIN sample passes, one fits nothing."""
    assert VisualNumber.parse("DE-8PS-C0CD0C002-Q").expected == "B"
    assert VisualNumber.parse("DE-8PS-C0AD21B13-Q").expected == "P"
    assert VisualNumber.parse("DE*8PS*CD0C00*2").check is Check.OK
    assert judge("ES*BA*4321EU*1").decision is OK
    assert VisualNumber.parse("ES*BA*4321EU*1").format is Format.OTHER


def test_a_foreign_character_set_apart_is_a_wrong_din_check_digit() -> None:
    """Set apart it can only be meant as the check digit; in one piece the text is no DIN id at all."""
    assert VisualNumber.parse("NL-TNM-122045-K").check is Check.FAILED
    assert VisualNumber.parse("NLTNM122045*K").check is Check.FAILED
    assert VisualNumber.parse("NLTNM122045K").format is Format.OTHER
    assert VisualNumber.parse("NL-TNM-122045K").format is Format.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "DE*8PS-CD0C00*2",
        "DE*8PS*CD0C00-2",
        "DE-8PS-CD0C00*2",
        "DE*8PSCD0C00*2",
        "DE8PS*CD0C00*2",
        "DE**8PS**CD0C00**2",
        "DE*8PS*CD0C00*",
        "DE 8PS CD0C00 2",
        "DE_8PS_CD0C00_2",
        "NL*TNM*C00122045*K",
        "NLTNMC00122045*K",
        "D3*8PS*CD0C00*2",
        "DE*8PS*CD0C0*2",
        "DE*8PS*CD0C000*2",
        "xDE*8PS*CD0C00*2",
        # not ASCII: Cyrillic, full-width, Arabic digits, and what upper-cases or folds into ASCII
        "DЕ*8PS*CD0C00*2",
        "DE*8PS*CD0C00*２",
        "DE*8PS*CD0C00*٢",
        "ＤE*8PS*CD0C00*2",
        "DE*8PſCD0C00*2",
        "DE*8ßCD0C00*2",
        "DE*8PK*CD0C00*2".replace("K", "\u212a"),
        "dı*8PS*CD0C00*2",
    ],
)
def test_what_is_no_contract_id(text: str) -> None:
    """Mixed, doubled or foreign separators, wrong lengths and characters beyond ASCII are not recognised."""
    number = VisualNumber.parse(text)
    assert (number.format, number.check, number.expected, number.emi3) == (Format.OTHER, Check.ABSENT, None, None)


@untimed
@given(bodies(6), st.data())
def test_a_din_check_digit_sees_every_wrong_digit(body: str, data: st.DataObject) -> None:
    """Weights are powers of two and eleven is prime, so that one digit changed to another always shows."""
    places = [place for place in range(2, 11) if body[place].isdigit()]
    assume(places)
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from(string.digits.replace(body[place], "")))
    assert din_check(body) != din_check(body[:place] + other + body[place + 1 :])


@untimed
@given(bodies(9), st.data())
def test_an_iso_check_digit_sees_every_wrong_character(body: str, data: st.DataObject) -> None:
    """The code's matrices can be inverted, so that one character changed to another always shows."""
    place = data.draw(st.integers(0, 13))
    choice = LETTERS if place < 2 else ALPHANUMERICS
    other = data.draw(st.sampled_from(choice.replace(body[place], "")))
    assert iso_check(body) != iso_check(body[:place] + other + body[place + 1 :])


def test_the_iso_check_digit_is_the_written_sum() -> None:
    """The Horner form agrees with the powers of the matrices as the standard writes them."""

    def times(vector: tuple[int, int], matrix: tuple[tuple[int, int], tuple[int, int]], mod: int) -> tuple[int, int]:
        (a, b), (c, d) = matrix
        x, y = vector
        return (x * a + y * c) % mod, (x * b + y * d) % mod

    for body in VECTORS["iso"]:
        bits, trits = (0, 0), (0, 0)
        for i, character in enumerate(body, start=1):
            q, r = divmod(ALPHANUMERICS.index(character), 9)
            bit, trit = (q >> 1, q & 1), (r // 3, r % 3)
            for _ in range(i):
                bit, trit = times(bit, ((0, 1), (1, 1)), 2), times(trit, ((0, 1), (1, 2)), 3)
            bits = (bits[0] + bit[0]) % 2, (bits[1] + bit[1]) % 2
            trits = (trits[0] + trit[0]) % 3, (trits[1] + trit[1]) % 3
        trits = times(trits, ((0, 2), (2, 1)), 3)
        assert iso_check(body) == ALPHANUMERICS[9 * (2 * bits[0] + bits[1]) + 3 * trits[0] + trits[1]]


@pytest.mark.parametrize("body", ["", "DE8PSCD0C0", "DE8PSCD0C0000", "D18PSCD0C00", "DE8PS-D0C00", "DЕ8PSCD0C00"])
def test_a_check_digit_needs_a_body(body: str) -> None:
    """Wrong lengths, separators, a digit in the country and other scripts have no check digit of either kind."""
    with pytest.raises(NumberError):
        din_check(body)
    with pytest.raises(NumberError):
        iso_check(body)


# --- the key -----------------------------------------------------------------------------------------------------


def test_one_number_has_one_key() -> None:
    """The same id with other separators and in other case is one number, and so is opaque text in other case."""
    assert VisualNumber.parse("DE*8PS*CD0C00*2").key == VisualNumber.parse("de-8ps-cd0c00-2").key
    assert VisualNumber.parse("Key Ä-1").key == VisualNumber.parse("KEY A\u0308-1").key
    assert VisualNumber.parse("Straße 1").key == VisualNumber.parse("STRASSE 1").key


def test_an_id_without_a_check_digit_of_its_kind_is_the_same_number_in_one_piece() -> None:
    """NLTNM122045K is opaque and NL-TNM-122045-K a wrong DIN id, but they differ in separators only."""
    assert VisualNumber.parse("NLTNM122045K").key == VisualNumber.parse("NL-TNM-122045-K").key


def test_separators_of_opaque_text_are_part_of_it() -> None:
    """Only in a recognised id are separators mere dress: elsewhere 1-23 and 12-3 are two numbers."""
    keys = {VisualNumber.parse(text).key for text in ("1-23", "12-3", "123", "1*23", "ES*BA*4321EU*1", "ESBA4321EU1")}
    assert len(keys) == 6


@untimed
@given(bodies(6) | bodies(9))
def test_every_spelling_of_an_id_has_the_same_key(body: str) -> None:
    """With and without separators, upper and lower case: one key; and another with and without check character."""
    check, separators = (din_check(body), "*-") if len(body) == 11 else (iso_check(body), "-")
    assert len({VisualNumber.parse(text).key for text in spellings(body, check, separators)}) == 1
    assert VisualNumber.parse(body).key != VisualNumber.parse(body + check).key


ID_LIKE = st.from_regex(r"[A-Za-z]{2}[*-]?[A-Za-z0-9]{3}[*-]?[A-Za-z0-9]{5,10}[*-]?[A-Za-z0-9]?", fullmatch=True)


@untimed
@given(ID_LIKE, ID_LIKE)
def test_like_keys_mean_like_characters(one: str, other: str) -> None:
    """No two texts with different letters and digits, in order, share a key."""

    def bare(text: str) -> str:
        return "".join(c for c in text.lower() if c.isalnum())

    if VisualNumber.parse(one).key == VisualNumber.parse(other).key:
        assert bare(one) == bare(other)


@untimed
@given(st.text(max_size=70))
def test_a_key_does_not_depend_on_how_a_text_is_composed(text: str) -> None:
    """Unicode's canonically equivalent spellings, and a key taken as a number, have the same key."""
    try:
        number = VisualNumber.parse(text)
        composed = VisualNumber.parse(unicodedata.normalize("NFC", text))
        decomposed = VisualNumber.parse(unicodedata.normalize("NFD", text))
        again = VisualNumber.parse(number.key)
    except NumberError:
        return
    if number.format is Format.OTHER:
        assert number.key == decomposed.key
    if composed.format is number.format:
        assert composed.key == number.key
    assert again.key == number.key


# --- characters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["DE*8PS*CD0C00*2", "KEY 1", "Ключ 7", "鍵-1", "e\u0301-1", "[/]", "[bold]x", "😀1", "é"]
)
def test_ordinary_text_is_taken_as_it_is(text: str) -> None:
    """Numbers are opaque: other scripts, markup and blanks inside are sent as they came."""
    verdict = judge(f" \t{text}\r\n")
    assert verdict.decision is OK
    assert verdict.hint == ""
    assert verdict.number is not None
    assert verdict.number.text == text


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", " \r\n\t "])
def test_nothing_is_no_number(text: str) -> None:
    """What is empty after trimming is refused."""
    assert judge(text).reason is NumberReason.EMPTY
    assert judge(text).number is None


def test_length_counts_after_trimming() -> None:
    """64 characters pass, 65 do not; blanks at the ends do not count."""
    assert judge(" " + "7" * MAX_LENGTH + "\n").decision is OK
    verdict = judge("7" * (MAX_LENGTH + 1))
    assert (verdict.decision, verdict.reason, verdict.number) == (BLOCK, NumberReason.TOO_LONG, None)
    assert judge("7" * 1_000_000).reason is NumberReason.TOO_LONG


@pytest.mark.parametrize("code", [*range(0x20), 0x7F, *range(0x80, 0xA0)])
@pytest.mark.parametrize("policy", POLICIES)
def test_control_characters_are_refused(code: int, policy: CheckPolicy) -> None:
    """Every C0 and C1 character inside a number, named by its code; at the ends only tab, CR and LF are trimmed."""
    verdict = judge(f"AB{chr(code)}12", Rules(policy))
    assert (verdict.decision, verdict.reason, verdict.number) == (BLOCK, NumberReason.CONTROL_CHARACTER, None)
    assert f"U+{code:04X}" in verdict.hint
    at_the_end = judge(f"{chr(code)}AB12{chr(code)}", Rules(policy))
    assert at_the_end.decision is (OK if chr(code) in "\t\r\n" else BLOCK)


UNSEEN = (
    0x00A0, 0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x1680, 0x17B4, 0x180B, 0x180E, 0x2000, 0x2007, 0x200B, 0x200D,
    0x200E, 0x2028, 0x2029, 0x202E, 0x202F, 0x205F, 0x2060, 0x2066, 0x2800, 0x3000, 0x3164, 0xD800, 0xDCFF, 0xE000,
    0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFC, 0xFFFD, 0xFFFE, 0x0378, 0x1D159, 0x1D173, 0xE0001, 0xE0041,
    0xE0100, 0xE01EF, 0xF0000, 0x10FFFF,
)  # fmt: skip


@pytest.mark.parametrize("code", UNSEEN)
def test_what_cannot_be_seen_is_refused(code: int) -> None:
    """Odd blanks, zero-width, bidi, fillers, variation selectors, surrogates, private use, U+FFFD, at any place."""
    for text in (f"AB{chr(code)}12", f"AB12{chr(code)}", f"{chr(code)}AB12"):
        verdict = judge(text)
        assert (verdict.decision, verdict.reason, verdict.number) == (BLOCK, NumberReason.INVISIBLE_CHARACTER, None)
        assert f"U+{code:04X}" in verdict.hint


def test_every_blank_and_format_character_of_unicode_is_refused() -> None:
    """By category over all of Unicode, whatever the version: nothing but U+0020 passes for a blank."""
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in ("Zs", "Zl", "Zp", "Cf", "Cc") and code != 0x20:
            assert judge(f"A{chr(code)}1").decision is BLOCK, hex(code)


@untimed
@given(st.text(st.characters()), st.sampled_from(POLICIES))
def test_no_text_breaks_the_judge(text: str, policy: CheckPolicy) -> None:
    """Any text at all has a verdict; what passes is 1 to 64 characters, seen, and sent as it came."""
    verdict = judge(text, Rules(policy))
    if verdict.decision is BLOCK:
        assert verdict.hint
        assert verdict.reason is not NumberReason.OK
        return
    assert verdict.number is not None
    assert verdict.number.text == text.strip(" \t\r\n")
    assert 1 <= len(verdict.number.text) <= MAX_LENGTH
    assert verdict.number.key


@pytest.mark.parametrize("text", ["", "A\x1dB", "A\u200bB", "7" * 65])
def test_parse_raises_what_no_batch_can_relax(text: str) -> None:
    """The same rules as an error, for those who have no batch."""
    with pytest.raises(NumberError) as caught:
        VisualNumber.parse(text)
    assert caught.value.message == judge(text).hint


# --- the batch's rules -------------------------------------------------------------------------------------------


def test_a_pattern_must_match_the_whole_number() -> None:
    """A part is not enough, and no policy lets another number pass."""
    rules = Rules(pattern="[A-Z]{2}-[0-9]{4}")
    assert judge("AB-1234", rules).decision is OK
    for text in ("AB-12345", "xAB-1234", "AB-1234\nCD-5678"):
        assert judge(text, rules).decision is BLOCK
    verdict = judge("AB-12345", Rules(CheckPolicy.OK, "[A-Z]{2}-[0-9]{4}"))
    assert (verdict.decision, verdict.reason) == (BLOCK, NumberReason.PATTERN)


QR = Rules(pattern=r"https://[a-z.]+/c/(?P<number>[^?:]*)(\?.*)?")


def test_the_number_is_taken_out_of_a_qr_code() -> None:
    """The group's text is the number: it alone is sent, recognised and compared."""
    verdict = judge("https://key.example/c/DE*8PS*CD0C00*2?x=1", QR)
    assert verdict.decision is OK
    assert verdict.number == VisualNumber.parse("DE*8PS*CD0C00*2")


def test_what_is_taken_out_is_judged_as_a_number() -> None:
    """Its check digit, its length and its emptiness are those of the number, not of the code around it."""
    assert judge("https://key.example/c/NL-TNM-122045-1", QR).reason is NumberReason.CHECK_DIGIT
    assert judge("https://key.example/c/" + "7" * 64, QR).decision is OK
    assert judge("https://key.example/c/" + "7" * 65, QR).reason is NumberReason.TOO_LONG
    assert judge("https://key.example/c/", QR).reason is NumberReason.EMPTY
    assert judge("https://key.example/c/ ?", QR).reason is NumberReason.EMPTY
    assert judge("DE*8PS*CD0C00*2", QR).reason is NumberReason.PATTERN
    assert judge("https://key.example/c/1?" + "x" * MAX_TEXT_LENGTH, QR).reason is NumberReason.TOO_LONG
    assert judge("https://key.example/c/A\x1d1", QR).reason is NumberReason.CONTROL_CHARACTER


def test_a_group_that_did_not_take_part_is_no_number() -> None:
    """A pattern that matches without its group holds no number."""
    assert judge("none", Rules(pattern="(?P<number>[0-9]+)|none")).reason is NumberReason.PATTERN


@pytest.mark.parametrize("pattern", ["[", "(?P<number>", "(?P<number>a)(?P<number>b)", "*", "a{99999999999999}", ""])
def test_a_bad_pattern_is_a_clear_error(pattern: str) -> None:
    """It is found when the rules are made, not at the first scan."""
    with pytest.raises(ConfigError, match="pattern") as caught:
        Rules(pattern=pattern)
    assert caught.value.remedy


def test_rules_are_plain_values() -> None:
    """Equal by what they ask; nothing of the compiled pattern shows."""
    assert Rules(CheckPolicy.BLOCK, "[0-9]+") == Rules(CheckPolicy.BLOCK, "[0-9]+")
    assert len({Rules(pattern="[0-9]+"), Rules(pattern="[0-9]+"), Rules()}) == 2
    assert repr(Rules(pattern="x")) == "Rules(check_digit=<CheckPolicy.WARN: 'warn'>, pattern='x')"


# --- keyboards ---------------------------------------------------------------------------------------------------


def test_measured_layout_damage() -> None:
    """What was seen arrive from a US scanner on German and French computers."""
    assert retype("YZ-1234/XYZ9", Layout.US, Layout.DE) == "ZYß1234-XZY9"
    assert retype("YZ-1234/XYZ9", Layout.US, Layout.FR) == "YW)&é\"'!XYWç"


@pytest.mark.parametrize(
    ("scanner", "computer", "sent", "arrives"),
    [
        (Layout.US, Layout.DE, "-*/", "ß(-"),
        (Layout.US, Layout.ES, "-*/", "'(-"),
        (Layout.US, Layout.FR, "-*/", ")8!"),
        (Layout.DE, Layout.US, "-*/", "/}&"),
        (Layout.ES, Layout.US, "-*/", "/}&"),
        (Layout.FR, Layout.US, "-*/", "6\\>"),
        (Layout.FR, Layout.US, "0189", ")!*("),
        (Layout.DE, Layout.ES, "-*/yz", "-*/zy"),
        (Layout.ES, Layout.FR, "-*/", "!£7"),
        (Layout.FR, Layout.DE, "aqwm", "qayö"),
    ],
)
def test_separators_as_they_arrive(scanner: Layout, computer: Layout, sent: str, arrives: str) -> None:
    """The damage to separators and digits that each pair is known for."""
    assert retype(sent, scanner, computer) == arrives
    assert retype(arrives, computer, scanner) == sent


@untimed
@given(st.text(string.ascii_letters + string.digits + "-*/ :._"), st.sampled_from(Layout), st.sampled_from(Layout))
def test_every_mix_up_can_be_undone(text: str, scanner: Layout, computer: Layout) -> None:
    """Whatever a number is made of comes back with the layouts exchanged, so no key is in a table twice."""
    arrives = retype(text, scanner, computer)
    assert arrives is not None
    assert len(arrives) == len(text)
    assert retype(arrives, computer, scanner) == text


def test_what_a_keyboard_has_no_key_for_cannot_be_retyped() -> None:
    """AltGr characters, other scripts, and the key that US keyboards lack."""
    assert retype("A@B", Layout.DE, Layout.US) is None
    assert retype("Ж", Layout.US, Layout.DE) is None
    assert retype("<", Layout.DE, Layout.US) is None
    assert retype("Ж", Layout.US, Layout.US) == "Ж"


# --- mishaps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("arrived", "scanner", "computer"),
    [
        ("DEß8PSßCD0C00ß2", "US", "German"),
        ("DE(8PS(CD0C00(2", "US", "German"),
        ("DE'8PS'CD0C00'2", "US", "Spanish"),
        ("DE)_PS)CDàCàà)é", "US", "French"),
        ("DE8_PS8CDàCàà8é", "US", "French"),
        ("DE/8PS/CD0C00/2", "German", "US"),
        ("DE}8PS}CD0C00}2", "German", "US"),
        ("DE6*PS6CD)C))6@", "French", "US"),
        ("deß8psßcd0c00ß2", "US", "German"),
    ],
)
def test_a_layout_mix_up_is_named_and_blocked(policy: CheckPolicy, arrived: str, scanner: str, computer: str) -> None:
    """Whatever the policy; the hint names both keyboards, and what arrived is shown, not what was meant."""
    verdict = judge(arrived, Rules(policy))
    assert (verdict.decision, verdict.reason) == (BLOCK, NumberReason.LAYOUT)
    assert verdict.hint.index(scanner) < verdict.hint.index(computer)
    if verdict.number is not None:
        assert verdict.number.text == arrived


def test_a_swap_of_y_and_z_shows_by_the_check_digit_alone() -> None:
    """An id without separators stays an id on the other keyboard: only its check digit tells, and it is enough."""
    body = "DE8PSYZ0C00"
    text = body + din_check(body)
    arrived = retype(text, Layout.US, Layout.DE)
    assert arrived is not None
    assert VisualNumber.parse(arrived).check is Check.FAILED
    for rules in (Rules(), Rules(CheckPolicy.OK), Rules(pattern="DE8PS.*"), Rules(CheckPolicy.BLOCK, "DE8PS.*")):
        assert judge(arrived, rules).reason is NumberReason.LAYOUT
        assert judge(arrived, rules).decision is BLOCK
        assert judge(text, rules).decision is OK
    # Where check digits are said to mean nothing, the pattern is the batch's whole word on it.
    assert judge(arrived, Rules(CheckPolicy.OK, "DE8PS.*")).decision is OK


def test_a_layout_mix_up_shows_by_the_pattern() -> None:
    """Numbers that are no contract ids are explained by the pattern that the batch gives."""
    rules = Rules(pattern="[A-Z]{2}-[0-9]{4}/[A-Z0-9]{4}")
    assert judge("YZ-1234/XYZ9", rules).decision is OK
    verdict = judge("ZYß1234-XZY9", rules)
    assert (verdict.decision, verdict.reason) == (BLOCK, NumberReason.LAYOUT)
    assert "US" in verdict.hint
    assert "German" in verdict.hint
    assert "French" in judge("YW)&é\"'!XYWç", rules).hint
    # Without a pattern nothing is known of such a number, so that nothing can be said.
    assert judge("ZYß1234-XZY9").decision is OK


def test_a_qr_code_with_a_mangled_address_is_explained() -> None:
    """The layout damages the address around the number as well; the group is looked for in what was meant."""
    arrived = retype("https://key.example/c/DE8PSCD0C002", Layout.US, Layout.DE)
    assert arrived is not None
    assert judge(arrived, QR).reason is NumberReason.LAYOUT


def test_the_pattern_is_explained_even_where_the_check_digit_stays_wrong() -> None:
    """A vendor whose check digits are wrong still has a pattern, and its keyboards still get mixed up."""
    rules = Rules(pattern="DE-8PS-[A-Z0-9]{9}-[A-Z0-9]")
    assert judge("DE-8PS-C0CD0C002-Q", rules).decision is WARN
    assert judge("DEß8PSßC0CD0C002ßQ", rules).reason is NumberReason.LAYOUT


@pytest.mark.parametrize("policy", POLICIES)
def test_caps_lock_is_named_and_blocked(policy: CheckPolicy) -> None:
    """Upper and lower case turned round, as the pattern shows."""
    verdict = judge("ab-12cD", Rules(policy, "[A-Z]{2}-[0-9]{2}[A-Z][a-z]"))
    assert (verdict.decision, verdict.reason) == (BLOCK, NumberReason.CAPS_LOCK)
    assert "Caps Lock" in verdict.hint


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("text", ["DE8PSCD0C002", "DE*8PS*CD0C00*2", "NL-TNM-C00122045-K"])
def test_a_doubled_scan_is_named_and_blocked(policy: CheckPolicy, text: str) -> None:
    """The same id twice in one line is no opaque number of twice the length."""
    verdict = judge(text + text, Rules(policy))
    assert (verdict.decision, verdict.reason) == (BLOCK, NumberReason.DOUBLED)
    assert "twice" in verdict.hint


def test_a_doubled_scan_shows_by_the_pattern() -> None:
    """Also where both together are longer than any number, and where one alone would be opaque."""
    assert judge("12345678" * 2, Rules(pattern="[0-9]{8}")).reason is NumberReason.DOUBLED
    assert judge(("7" * 40) * 2, Rules(pattern="7{40}")).reason is NumberReason.DOUBLED
    assert judge("https://key.example/c/1" * 2, QR).reason is NumberReason.DOUBLED
    assert judge("12345678" * 2).decision is OK


def test_joint_causes_are_all_named() -> None:
    """Twice, on the wrong keyboard, with Caps Lock: the line tells of each."""
    arrived = retype("AB-12cd", Layout.US, Layout.DE)
    assert arrived is not None
    verdict = judge(arrived.swapcase().replace("SS", "ß") * 2, Rules(pattern="[A-Z]{2}-[0-9]{2}[a-z]{2}"))
    assert (verdict.decision, verdict.reason) == (BLOCK, NumberReason.LAYOUT)
    for word in ("German", "Caps Lock", "twice"):
        assert word in verdict.hint


def test_the_simplest_cause_is_named() -> None:
    """Two equal halves are a doubled scan, though the keyboards of Germany and Spain would explain it as well."""
    hint = judge("12345678" * 2, Rules(pattern="[0-9]{8}")).hint
    assert "keyboard" not in hint


def test_several_possible_layouts_are_said_to_be_probable() -> None:
    """A hyphen that arrives as a slash fits scanners set to German and to Spanish: the line does not claim to know."""
    assert "probably German and US" in judge("DE/8PS/CD0C00/2").hint
    assert "probably" not in judge("DEß8PSßCD0C00ß2").hint


ids = bodies(6).map(lambda body: body + din_check(body)) | bodies(9).map(lambda body: body + iso_check(body))


@untimed
@given(ids, st.sampled_from(Layout), st.sampled_from(Layout), st.sampled_from(POLICIES))
def test_no_mangled_id_passes(text: str, scanner: Layout, computer: Layout, policy: CheckPolicy) -> None:
    """A right id typed through any two keyboards is blocked, unless what arrives is a right id itself."""
    dressed = f"{text[:2]}-{text[2:5]}-{text[5:-1]}-{text[-1]}"
    for sent in (text, dressed):
        arrived = retype(sent, scanner, computer)
        assert arrived is not None
        verdict = judge(arrived, Rules(policy))
        if verdict.decision is BLOCK:
            assert verdict.reason is NumberReason.LAYOUT
        else:
            assert verdict.number is not None
            assert verdict.number.check is Check.OK
        if arrived == sent:
            assert verdict.decision is OK


@untimed
@given(ids, st.sampled_from(POLICIES))
def test_a_right_id_is_never_taken_for_a_mishap(text: str, policy: CheckPolicy) -> None:
    """What is valid as it stands is not blocked because it would be valid on another keyboard too."""
    assert judge(text, Rules(policy)).decision is OK
    assert judge(text.lower(), Rules(policy)).decision is OK


@untimed
@given(st.text(string.ascii_letters + string.digits + "-/*ßäé'()", min_size=1, max_size=30), st.sampled_from(POLICIES))
def test_what_matches_the_pattern_is_never_taken_for_a_mishap(text: str, policy: CheckPolicy) -> None:
    """The batch's own word stands, unless a check digit speaks against it."""
    verdict = judge(text, Rules(policy, ".*"))
    assert verdict.number is not None
    if verdict.number.check is not Check.FAILED:
        assert verdict.decision is OK
