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

    found = [mathml(row) for row in rows(tex)]
    if any(part is None for part in found):
        return Markup("<code>{}</code>").format(tex)
    return Markup("<br>").join(Markup(part) for part in found if part)


def rows(tex: str) -> list[str]:
    """The rows of an ``aligned`` environment, which latex2mathml does not know, without their marks of alignment.

    >>> rows(r"\\begin{aligned} a &= b \\\\ c &= \\begin{cases} 1 & x \\\\ 2 & y \\end{cases} \\end{aligned}")
    ['a = b', 'c = \\\\begin{cases} 1 & x \\\\\\\\ 2 & y \\\\end{cases}']
    """
    match = re.fullmatch(r"\s*\\begin\{aligned\}(.*)\\end\{aligned\}\s*", tex, re.DOTALL)
    if match is None:
        return [tex]
    found, depth, row = [], 0, ""
    for token in re.findall(r"\\begin\{|\\end\{|\\\\|\\.|[^\\]", match[1], re.DOTALL):
        depth += (token == "\\begin{") - (token == "\\end{")
        if depth == 0 and token == "\\\\":
            found.append(row)
            row = ""
        elif depth > 0 or token != "&":
            row += token
    return [" ".join(row.split()) for row in (*found, row) if row.strip()]
