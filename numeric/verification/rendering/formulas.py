"""TeX as MathML where latex2mathml is installed and the result is nothing but mathematics; else the TeX as code."""

from __future__ import annotations

import re
from typing import Any, Final
from xml.etree import ElementTree

_NAMES: Final = re.compile(r"(?:\{http://www\.w3\.org/1998/Math/MathML\})?(?:math|m[a-z]+|none)")
_ATTRIBUTES: Final = frozenset(
    {
        "display", "mathvariant", "stretchy", "fence", "form", "symmetric", "minsize", "maxsize", "lspace", "rspace",
        "columnalign", "rowspacing", "columnspacing", "width", "height", "depth", "displaystyle", "scriptlevel",
        "linethickness", "accent", "movablelimits", "separator", "largeop", "mathsize", "mathcolor",
    }
)  # fmt: skip


def mathml(tex: str) -> str | None:
    """The formula as MathML, or None where it cannot be had.

    latex2mathml undoes the escapes of its own output, so what a name such as ``\\text{<b>}`` brings along would reach
    the page as it is. The result is therefore read again, and only mathematics passes.

    >>> mathml(r"\\text{<script>alert(1)</script>}") is None
    True
    """
    try:
        from latex2mathml.converter import convert
    except ImportError:
        return None
    try:
        text = str(convert(tex, display="block"))
        root = ElementTree.fromstring(text)
    except Exception:
        # Any TeX that its parser does not know ends in an exception of some type of its own; the TeX is then shown.
        return None
    for element in root.iter():
        if not _NAMES.fullmatch(element.tag) or not _ATTRIBUTES.issuperset(element.attrib):
            return None
    text = text.replace('display="block"', 'display="inline" displaystyle="true"', 1)
    text = text.replace('<mn mathvariant="bold">1</mn>', "<mn>&#x1D7CF;</mn>")
    return re.sub(r"<mo>([A-Za-z]{2,})</mo>", r"<mi>\1</mi>", text)


def formula(tex: str) -> Any:
    """Markup for a formula: MathML, or the escaped TeX in ``<code>``."""
    from markupsafe import Markup

    found = mathml(tex)
    return Markup("<code>{}</code>").format(tex) if found is None else Markup(found)
