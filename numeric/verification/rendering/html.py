"""A report as HTML: a complete page that opens offline, and a fragment with inline style for notebooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from gradproof.numeric.verification.rendering.formulas import formula
from gradproof.numeric.verification.rendering.view import View

INLINE: Final = {
    "report": "font:14px/1.5 system-ui,sans-serif;max-width:62rem",
    "headline": "font-size:1.1em;margin:0 0 .8em",
    "badge": "border-radius:.3em;padding:.1em .55em;font-weight:600;color:#fff",
    "block": "border:1px solid #8885;border-left-width:.35em;border-radius:.3em;padding:.5em .9em;margin:0 0 .7em",
    "members": "border-collapse:collapse;margin:0;font-size:1em",
    "member": "text-align:left;padding:.1em 1.4em .1em 0;border:0;background:none",
    "facts": "border-collapse:collapse;margin:.3em 0 0;font-size:1em",
    "label": "text-align:left;vertical-align:top;font-weight:normal;opacity:.7;padding:.12em 1.2em .12em 0;border:0;"
    "background:none;white-space:nowrap",
    "fact": "text-align:left;vertical-align:top;padding:.12em 0;border:0;background:none;overflow-wrap:anywhere",
    "entries": "border-collapse:collapse;margin:0;font:0.95em ui-monospace,monospace",
    "cell": "text-align:right;padding:.05em 0 .05em 1.6em;border:0;background:none;white-space:nowrap",
    "place": "text-align:left;padding:.05em 0;border:0;background:none;white-space:nowrap",
    "code": "font:0.95em/1.45 ui-monospace,monospace;margin:.15em 0 0;white-space:pre-wrap;"
    "overflow-wrap:anywhere;background:none;color:inherit;padding:0",
    "removed": "display:block;background:#d0312d22",
    "added": "display:block;background:#2a8f4722",
    "same": "display:block",
    "changed": "font-weight:700;background:#8884;color:inherit",
    "inputs": "font:0.95em/1.45 ui-monospace,monospace;background:none;color:inherit",
    "notes": "margin:.4em 0;padding:0;list-style:none",
    "footer": "opacity:.7;font-size:.9em;margin:.4em 0 0",
}
"""The style of each part: attributes in a notebook, a style sheet on a page."""

COLOURS: Final = {
    "proved": "#1a7f37", "certified": "#1a7f37", "agrees": "#9a6700", "guarded": "#9a6700", "refuted": "#c02a26",
    "unknown": "#7a3fb5",
} | {"keeps its digits": "#1a7f37", "undecided": "#7a3fb5"} | dict.fromkeys(
    ("digits lost", "NaN", "overflow", "underflow to zero"), "#c02a26"
)  # fmt: skip


def page(view: View, title: str) -> str:
    """A page with its style inside, light or dark as the reader's system is."""
    return str(_template().render(view=view, title=title, page=True, s=_class, sheet=INLINE, colours=_classes()))


def fragment(view: View) -> str:
    """The same content without a style sheet, which notebook hosts remove."""
    return str(_template().render(view=view, title="", page=False, s=_style, sheet=INLINE, colours={}))


def _classes() -> dict[str, str]:
    return {verdict.replace(" ", "-"): colour for verdict, colour in COLOURS.items()}


def _class(part: str, verdict: str = "") -> Any:
    from markupsafe import Markup

    return Markup('class="{}"').format(f"{part} {verdict.replace(' ', '-')}".strip())


def _style(part: str, verdict: str = "") -> Any:
    from markupsafe import Markup

    colour = f";{_PAINTED[part]}:{COLOURS[verdict]}" if verdict else ""
    return Markup('style="{}"').format(INLINE[part] + colour)


_PAINTED: Final = {"badge": "background", "block": "border-left-color", "member": "color"}
"""What takes the colour of the verdict."""


@lru_cache(maxsize=1)
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gradproof.numeric.verification.rendering", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[[str], Any]] = {"formula": formula}
    environment.filters.update(filters)
    return environment.get_template("report.html.j2")
