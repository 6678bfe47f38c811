"""HTML and SVG without a template engine: every text and every attribute is escaped where it enters.

>>> tag("p", "1 < 2", tag("b", "sure"), class_="fine")
'<p class="fine">1 &lt; 2<b>sure</b></p>'
"""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is markup already; only ``tag`` and ``joined`` make it."""

    __slots__ = ()


_VOID = frozenset({"meta", "br", "rect", "circle", "line", "path"})


def tag(name: str, /, *children: str | Markup, **attributes: str | float) -> Markup:
    """Return one element; ``class_`` is the attribute ``class`` and ``stroke_width`` is ``stroke-width``."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"' for key, value in attributes.items())
    if name in _VOID and not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*parts: str | Markup) -> Markup:
    """Return parts one after the other; what is not markup is escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
