"""Line ends, byte order marks and composition of a text.

The page has the same rules in `frontend/shared/text.js`; tests/data/texts.json holds cases of both.
"""

from __future__ import annotations

_BYTE_ORDER_MARK = "\ufeff"
_LINE_ENDS = ("\r\n", "\r", "\u0085", "\u2028", "\u2029")  # that are no "\n"


def normalize_text(text: str) -> str:
    r"""A text to learn from, with \n as its only line end and without a byte order mark.

    CR, CRLF, NEL (U+0085), LS (U+2028) and PS (U+2029) are line ends; VT and FF are not: they end
    no line of a text file. Idempotent: what one entrance returns may pass another.
    Composition stays as it is: a model may learn either form.
    """
    text = text.lstrip(_BYTE_ORDER_MARK)
    for line_end in _LINE_ENDS:
        text = text.replace(line_end, "\n")
    return text
