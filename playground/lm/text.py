"""Line ends, byte order marks and composition of a text.

The page has the same rules in `frontend/shared/text.js`; tests/data/texts.json holds cases of both.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterator

_BYTE_ORDER_MARK = "\ufeff"
_LINE_ENDS = ("\r\n", "\r", "\u0085", "\u2028", "\u2029")  # that are no "\n"
_MARKS_MAX = 30  # in a cluster; longer ones are split, as in Unicode's stream-safe format (UAX #15)
_COMPOSED_MAX = 3  # no character decomposes into more than a base and three marks


def normalize_text(text: str) -> str:
    r"""A text to learn from, with \n as its only line end and without byte order marks.

    CR, CRLF, NEL (U+0085), LS (U+2028) and PS (U+2029) are line ends; VT and FF are not: they end
    no line of a text file. Byte order marks stand within a text, too, where files were joined; as a
    character of its own, U+2060 took the place of U+FEFF. Idempotent: what one entrance returns may
    pass another.
    Composition stays as it is: a model may learn either form.
    """
    text = text.replace(_BYTE_ORDER_MARK, "")
    for line_end in _LINE_ENDS:
        text = text.replace(line_end, "\n")
    return text


def adapt_text(text: str, known: Container[str]) -> str:
    """An equivalent of a text in the forms that a vocabulary knows, as far as it has one.

    Of each character that is not known: a byte order mark is left out, a line end becomes a line
    feed, and letters with marks are composed or decomposed. Idempotent.
    """
    if all(character in known for character in set(text)):
        return text
    if _BYTE_ORDER_MARK not in known:
        text = text.replace(_BYTE_ORDER_MARK, "")
    for line_end in _LINE_ENDS:
        if line_end[0] not in known:
            text = text.replace(line_end, "\n")
    clusters = list(_clusters(text))
    forms = {cluster: _known_form(cluster, known) for cluster in set(clusters)}
    return "".join(forms[cluster] for cluster in clusters)


def _clusters(text: str) -> Iterator[str]:
    """The parts of a text that compose with nothing outside them: a base and what extends it."""
    extending = {character for character in set(text) if _is_extending(character)}
    start = 0
    for index in range(1, len(text)):
        if text[index] not in extending or index - start > _MARKS_MAX:
            yield text[start:index]
            start = index
    yield text[start:]


def _is_extending(character: str) -> bool:
    """Whether it is a mark, or a vowel or final consonant of a decomposed Hangul syllable."""
    return unicodedata.category(character)[0] == "M" or "\u1160" <= character <= "\u11ff"


def _known_form(cluster: str, known: Container[str]) -> str:
    """The canonically equivalent form with the fewest unknown characters; composed, if in doubt."""
    if all(character in known for character in cluster):
        return cluster
    forms = (unicodedata.normalize("NFC", cluster), _compose_known(cluster, known), cluster)
    return min(forms, key=lambda form: sum(character not in known for character in form))


def _compose_known(cluster: str, known: Container[str]) -> str:
    """Decomposed, but for the longest beginning that is a known character when composed."""
    decomposed = unicodedata.normalize("NFD", cluster)
    for end in range(min(len(decomposed), _COMPOSED_MAX + 1), 1, -1):
        composed = unicodedata.normalize("NFC", decomposed[:end])
        if len(composed) == 1 and composed in known:
            return composed + decomposed[end:]
    return decomposed
