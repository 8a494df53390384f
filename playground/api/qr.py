"""QR codes as SVG."""

from __future__ import annotations

import io

import segno

from playground.errors import InvalidInput

QR_BYTES_MAX = 2331  # version 40 at level M: ISO/IEC 18004, table 7


def qr_code(text: str) -> bytes:
    """An SVG of the QR code of a text, dark on white with its quiet zone, without a fixed size.

    Raises InvalidInput for a text that no code can hold, more than QR_BYTES_MAX bytes.
    """
    try:
        code = segno.make(text, micro=False, error="m", boost_error=False)
    except segno.DataOverflowError:
        raise InvalidInput("errors.qr_too_long").at("text") from None
    out = io.BytesIO()
    code.save(out, kind="svg", light="white", omitsize=True, xmldecl=False)
    return out.getvalue()
