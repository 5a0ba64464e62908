"""Addresses: which are public, what a mirror makes of them, and what of them may be written down.

Pure functions of text. Resolving a name belongs to ``wires``, and which hosts a source may ask to
``session``.
"""

from __future__ import annotations

import ipaddress
import json
from urllib.parse import urljoin, urlsplit

from pipelines.sources.base import Request

IPv4, IPv6 = ipaddress.IPv4Network, ipaddress.IPv6Network

# Blocks of the IANA special-purpose registries that are not globally reachable, and those that
# carry IPv4 in IPv6 or serve no site. The table of Python differs by version.
# https://www.iana.org/assignments/iana-ipv4-special-registry (read 2026-11-30)
# https://www.iana.org/assignments/iana-ipv6-special-registry (read 2026-11-30)
NOT_PUBLIC_IPV4 = tuple(
    map(
        IPv4,
        (
            "0.0.0.0/8",  # this network, RFC 791
            "10.0.0.0/8",  # private use, RFC 1918
            "100.64.0.0/10",  # shared by carriers, RFC 6598
            "127.0.0.0/8",  # loopback, RFC 1122
            "169.254.0.0/16",  # link-local, RFC 3927; also the metadata of clouds
            "172.16.0.0/12",  # private use, RFC 1918
            "192.0.0.0/24",  # protocol assignments, RFC 6890
            "192.0.2.0/24",  # documentation, RFC 5737
            "192.88.99.0/24",  # relays of 6to4, withdrawn by RFC 7526
            "192.168.0.0/16",  # private use, RFC 1918
            "198.18.0.0/15",  # benchmarking, RFC 2544
            "198.51.100.0/24",  # documentation, RFC 5737
            "203.0.113.0/24",  # documentation, RFC 5737
            "224.0.0.0/4",  # multicast, RFC 5771
            "240.0.0.0/4",  # reserved, RFC 1112, and limited broadcast
        ),
    )
)
GLOBAL_UNICAST = IPv6("2000::/3")  # RFC 4291: all that is assigned to sites lies in it
NOT_PUBLIC_IPV6 = tuple(
    map(
        IPv6,
        (
            "2001::/23",  # protocol assignments, RFC 2928; Teredo among them
            "2001:db8::/32",  # documentation, RFC 3849
            "3fff::/20",  # documentation, RFC 9637
        ),
    )
)
NAT64 = IPv6("64:ff9b::/96")  # the IPv4 address is in the last 32 bits, RFC 6052
SIX_TO_FOUR = IPv6("2002::/16")  # the IPv4 address follows the prefix, RFC 3056
ISATAP = (0x00005EFE, 0x02005EFE)  # before the IPv4 address in the last 64 bits, RFC 5214


def is_public_address(address: str) -> bool:
    """Return whether an IP address belongs to the public internet.

    An IPv6 address that wraps an IPv4 one is judged by the address inside. A text that is no
    address is not public.

    Examples
    --------
    >>> [is_public_address(a) for a in ("8.8.8.8", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False]
    """
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not any(ip in block for block in NOT_PUBLIC_IPV4)
    last = str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if ip in NAT64 or ip.ipv4_mapped is not None:
        return is_public_address(last)
    if ip in SIX_TO_FOUR:
        return is_public_address(str(ip.sixtofour))
    if (int(ip) >> 32) & 0xFFFFFFFF in ISATAP and not is_public_address(last):
        return False
    is_assigned = ip in GLOBAL_UNICAST and ip.is_global
    return is_assigned and not any(ip in block for block in NOT_PUBLIC_IPV6)


def is_address(host: str) -> bool:
    """Return whether a host is written as an IP address.

    Examples
    --------
    >>> is_address("169.254.169.254"), is_address("example.org")
    (True, False)
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def mirrored(url: str, mirror: str | None) -> str:
    """Return the URL that is asked in place of ``url`` when a mirror is set.

    Examples
    --------
    >>> mirrored("https://api.example.org/v1?page=2", "http://127.0.0.1:8000/")
    'http://127.0.0.1:8000/api.example.org/v1?page=2'
    """
    return f"{mirror.rstrip('/')}/{url.split('://', 1)[1]}" if mirror else url


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), port


def redirect_target(url: str, location: str) -> str:
    """Return the address to which an answer from ``url`` redirects.

    Raises
    ------
    ValueError
        If the text of the ``Location`` header is not a URL, or names a user.

    Examples
    --------
    >>> redirect_target("https://example.org/a/b", "../c")
    'https://example.org/c'
    """
    target = urljoin(url, location)
    parts = urlsplit(target)
    _ = parts.port  # raises ValueError: it is read only when it is used
    if not parts.hostname or "@" in parts.netloc or not target.isprintable():
        raise ValueError("not an address of a host")
    return target


def bare(url: str) -> str:
    """Return scheme, host and path of a URL: the rest may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"[:200]


def netloc(url: str) -> str:
    """Return host and port of a URL as written."""
    return urlsplit(url).netloc


def fingerprint(request: Request) -> str:
    """Return method, URL and body of a request, by which two requests are the same.

    Examples
    --------
    >>> fingerprint(Request(key="a", url="https://example.org/"))
    'GET https://example.org/'
    """
    body = json.dumps(request.json_body, sort_keys=True) if request.json_body is not None else ""
    return f"{request.method} {request.url} {body}".rstrip()
