"""The address of a client, which limits on requests count by."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

_UNKNOWN = "0.0.0.0"  # noqa: S104  # nothing listens on it: clients of a socket without an address count as one
_NETWORK_BITS = 64


def address_of(request: HttpRequest) -> str:
    """Return the address of the client; of IPv6 the network, because one client has all addresses of it.

    Behind a proxy it is the last one that ``X-Forwarded-For`` lists, which the proxy has added; a client can write all others.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    for text in (forwarded.rpartition(",")[2], request.META.get("REMOTE_ADDR", "")):
        try:
            address = ip_address(_without_port(text.strip()))
        except ValueError:
            continue
        if isinstance(address, IPv6Address):
            mapped = address.ipv4_mapped
            return str(mapped or IPv6Network((int(address), _NETWORK_BITS), strict=False).network_address)
        return str(address)
    return _UNKNOWN


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text.partition("%")[0]
