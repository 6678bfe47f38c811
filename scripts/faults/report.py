"""The result of one fault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was done to the server, what came of it, and whether that is what the documentation promises."""

    fault: str
    figure: str
    holds: bool
    seconds: float = 0.0


def result(fault: str, figure: str, **promises: bool) -> Result:
    """Return a result; ``figure`` is followed by the names of the promises that do not hold."""
    broken = [name.replace("_", " ") for name, holds in promises.items() if not holds]
    return Result(fault=fault, figure=figure + (f" BROKEN: {', '.join(broken)}" if broken else ""), holds=not broken)
