"""Which encoding a file's bytes are in."""

from __future__ import annotations

import codecs
import itertools
import re
import unicodedata
from collections.abc import Callable

# Longest first: the mark of UTF-32 begins as that of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
# Encodings that exports still come in, each under the name of the largest set that contains it
# (GBK in GB18030, EUC-KR in CP949, Shift-JIS in CP932, ISO-8859-1 in Windows-1252), likelier ones first.
LEGACY = (
    "cp1252", "gb18030", "cp932", "cp949", "big5hkscs", "euc_jis_2004", "cp1251", "cp1250", "koi8_r", "cp866",
    "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "iso8859_2", "cp850", "mac_roman", "latin_1",
)  # fmt: skip
_JUDGED = 8_000  # bytes of lines beyond ASCII that are looked at
_TOLERATED = 0.15  # how much odder than the least odd reading another may be and still be asked about
_TYPOGRAPHY = set("“”‘’‚„‹›«»–—…·•°®™©€£¥§¿¡º²³½¼¾×÷´\u00a0\u00ad\u202f\u3000")
_RUN = re.compile(r"[^\x00-\x7f]+")


def encoding_of(head: bytes, *, whole: bool) -> str:
    """The encoding of a file, by its first bytes.

    By a mark; by where NUL stands, for UTF-16 and UTF-32; by whether it is UTF-8, a few bad bytes
    allowed; else the reading that makes the most likely text (`_legacy`).

    Args:
        head: The first bytes; where they are ASCII, later ones that are not.
        whole: Whether no bytes follow.

    Returns:
        A Python codec name.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if wide := _wide(head[:4000]):
        return wide
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head, final=whole)
    except UnicodeDecodeError:
        return "utf-8" if _mostly_utf_8(head) else _legacy(head)
    return "utf-8"


def _wide(head: bytes) -> str | None:
    """UTF-32 or UTF-16 without its mark: of plain letters all but one byte are NUL."""
    for width, names in ((4, ("utf-32-le", "utf-32-be")), (2, ("utf-16-le", "utf-16-be"))):
        units = len(head) // width
        nought = [head[at : units * width : width].count(0) for at in range(width)]
        for name, letters in zip(names, (0, width - 1), strict=True):
            others = [n for at, n in enumerate(nought) if at != letters]
            if units and min(others) > 0.6 * units and nought[letters] < 0.1 * units:
                return name
    return None


def _mostly_utf_8(head: bytes) -> bool:
    """Whether a few bad bytes stand in UTF-8 text.

    Of the lines beyond ASCII, those that decode must be no fewer than those that do not. Text of
    another encoding almost never decodes as UTF-8 by chance.
    """
    good = bad = 0
    for line in head.split(b"\n"):
        if not line.isascii():
            try:
                line.decode("utf-8")
                good += 1
            except UnicodeDecodeError:
                bad += 1
    return good >= max(bad, 1)


def _legacy(head: bytes) -> str:
    """The encoding, from before Unicode, in which these bytes are the most likely text.

    Readings are told apart by how many of their letters are odd (`_oddness`); among those that are
    about as good, chardet's statistics of languages decide. Alone they take a word or two of French
    for Hungarian, and French in GBK for Big5.
    """
    lines: list[bytes] = []
    size = 0
    for line in re.split(rb"[\r\n]+", head)[:-1] or [head]:
        if not line.isascii() and size < _JUDGED:
            lines.append(line[:_JUDGED])
            size += len(line)
    lines = lines or [head[:_JUDGED]]
    odd: dict[str, float] = {}
    for name in LEGACY:
        decoded = [text for line in lines if (text := _decoded(line, name)) is not None]
        # A bad byte costs its own line, not the whole file its encoding.
        if len(decoded) >= 0.9 * len(lines):
            odd[name] = _oddness(decoded, name) + (1 - len(decoded) / len(lines))
    least = min(odd.values())
    likely = [name for name, share in odd.items() if share <= least + _TOLERATED]
    if len(likely) == 1 or odd.get("cp1252", 1.0) <= least + 0.02:
        return "cp1252" if "cp1252" in likely else likely[0]
    # Imported where it is needed: its tables of languages take a tenth of a second.
    import chardet

    # A line that is broken in one of them would rule that one out.
    sound = [line for line in lines if all(_decoded(line, name) is not None for name in likely)]
    asked = {codecs.lookup(name).name: name for name in likely}
    ranked = chardet.detect_all(
        b"\n".join(sound or lines),
        ignore_threshold=True,
        compat_names=False,
        include_encodings=[name.replace("_", "-") for name in likely],
        no_match_encoding=likely[0].replace("_", "-"),
    )
    for guess in ranked:
        name = codecs.lookup(guess["encoding"] or "ascii").name
        if name in asked:
            return asked[name]
    return likely[0]


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _oddness(lines: list[str], encoding: str) -> float:
    """The share of signs beyond ASCII that no language would set so (0 to 1)."""
    seen = odd = 0.0
    judge = _ODD_RUN.get(encoding, _odd_alphabet)
    for line in lines:
        for run in _RUN.finditer(line):
            before, after = line[: run.start()][-1:], line[run.end() :][:1]
            seen += len(run[0])
            odd += judge(run[0], before, after)
    return odd / seen if seen else 1.0


def _is_odd_sign(sign: str) -> bool:
    """Control characters, private and unassigned ones, and symbols that no typist uses."""
    kind = unicodedata.category(sign)
    return kind in ("Cc", "Co", "Cn", "Cs") or (kind[0] in "SPZNMC" and sign not in _TYPOGRAPHY)


def _odd_latin(run: str, before: str, after: str) -> float:
    """Accented letters stand alone or in short runs within words; capitals do not follow small ones."""
    letters = sum(sign.isalpha() for sign in run)
    odd = sum(map(_is_odd_sign, run))
    if letters == len(run):
        lonely = not (before.isalpha() or after.isalpha())
        if letters > 3 or (letters > 1 and lonely):
            return float(letters)
        if (before.islower() and run[0].isupper()) or (run[:1].islower() and run[1:2].isupper()):
            return float(letters)
    elif letters and len(run) > 2:
        return float(len(run))
    elif before.isalpha() or after.isalpha():
        # A symbol inside a word; typographic quotes around one are common.
        odd += sum(not sign.isalpha() and sign not in "“”‘’‚„«»–—…®™©°€£¥\u00a0" for sign in run)
    return min(float(odd), float(len(run)))


def _odd_alphabet(run: str, before: str, after: str) -> float:
    """Letters of one script make whole words, in which capitals do not follow small ones."""
    odd = sum(map(_is_odd_sign, run))
    odd += sum(one.islower() and two.isupper() for one, two in itertools.pairwise(run))
    if any(sign.isascii() and sign.isalpha() for sign in (before, after)):
        return float(len(run))
    return min(float(odd), float(len(run)))


def _is_small(sign: str) -> bool:
    return sign.isascii() and sign.islower()


def _odd_chinese(run: str, before: str, after: str) -> float:
    """Ideographs beyond the common few thousand, or a single one inside a word of Latin letters."""
    if len(run) == 1 and (_is_small(before) or _is_small(after)) and "\u4e00" <= run <= "\u9fff":
        return 1.0
    return sum(_is_odd_east(sign, "gb2312", 0xD7) for sign in run)


def _odd_east_asian(coding: str, last: int) -> Callable[[str, str, str], float]:
    def judge(run: str, before: str, after: str) -> float:
        if len(run) == 1 and (_is_small(before) or _is_small(after)):
            return 1.0
        return sum(_is_odd_east(sign, coding, last) for sign in run)

    return judge


def _is_odd_east(sign: str, coding: str, last: int) -> float:
    """How odd a sign is in East Asian text: rare ideographs half, misplaced symbols wholly.

    Args:
        sign: One character.
        coding: The national set that orders its ideographs by how common they are.
        last: The last lead byte of the common ones.
    """
    if sign.isalpha() and "LATIN" in unicodedata.name(sign, ""):
        return 0.0
    if "\uff61" <= sign <= "\uff9f":
        return 1.0  # halves of Japanese letters, which other encodings' bytes turn into
    if "\u3400" <= sign <= "\u9fff" or sign > "\uffff":
        try:
            coded = sign.encode(coding)
        except UnicodeEncodeError:
            return 0.5
        return 0.0 if len(coded) == 2 and coded[0] <= last else 0.5
    if "\u3000" <= sign <= "\u30ff" or "\uac00" <= sign <= "\ud7a3" or "\uff00" <= sign <= "\uff60":
        return 0.0
    return 1.0 if _is_odd_sign(sign) or (not sign.isalpha() and sign not in _TYPOGRAPHY) else 0.5


# The common ideographs: GB 2312 level 1, Big5 level 1, JIS X 0208 level 1, all of KS X 1001's syllables.
_ODD_RUN: dict[str, Callable[[str, str, str], float]] = {
    "gb18030": _odd_chinese,
    "big5hkscs": _odd_east_asian("big5", 0xC6),
    "cp932": _odd_east_asian("shift_jis", 0x98),
    "euc_jis_2004": _odd_east_asian("euc_jp", 0xCF),
    "cp949": _odd_east_asian("euc_kr", 0xC8),
    **dict.fromkeys(
        ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859_2", "cp850", "mac_roman", "latin_1"), _odd_latin
    ),
}
