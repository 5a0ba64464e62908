"""What the environment sets for requests: proxies, certificates, and the contact that sites see.

Keys of sources belong to ``secrets``.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from pipelines.capture.http.addresses import netloc

CONTACT_VARIABLE = "TRUECOST_CONTACT"


def proxies_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies that the environment names, by scheme."""
    proxies = {}
    for scheme in ("http", "https"):
        name = f"{scheme}_proxy"
        value = environment.get(name) or environment.get(name.upper())
        if value:
            proxies[scheme] = value if "://" in value else f"http://{value}"
    return proxies


def trusted_places(environment: Mapping[str, str], mirror: str | None) -> list[str]:
    """Return one line for each host that the operator put in place of the sources.

    A proxy resolves names itself, so which addresses it connects to is not checked here; a mirror
    may answer anything. The lines hold no password.

    Examples
    --------
    >>> trusted_places({}, "http://user:word@127.0.0.1:8000/x")
    ['mirror 127.0.0.1:8000 answers in place of every source']
    """
    lines = [
        f"proxy {netloc(url).rpartition('@')[2]} chooses what {scheme} requests connect to"
        for scheme, url in proxies_of(environment).items()
    ]
    if mirror:
        place = netloc(mirror).rpartition("@")[2]
        lines.append(f"mirror {place} answers in place of every source")
    return lines


def proxies_for(url: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies to use for a URL: none for this machine and for ``no_proxy``."""
    proxies = proxies_of(environment)
    exceptions = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    is_loopback = urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
    if not proxies or is_loopback or requests.utils.should_bypass_proxies(url, exceptions):
        return {}
    return proxies


def certificates(environment: Mapping[str, str]) -> str | bool:
    """Return the bundle of certificates that the environment names, or True for the default."""
    return environment.get("REQUESTS_CA_BUNDLE") or environment.get("SSL_CERT_FILE") or True


def user_agent(environment: Mapping[str, str] = os.environ) -> str:
    """Return ``truecost/<version> (GPU price research; contact)``.

    The contact comes from ``TRUECOST_CONTACT``, so that sites can reach the operator.

    Examples
    --------
    >>> user_agent({"TRUECOST_CONTACT": "prices@example.org"}).endswith("prices@example.org)")
    True
    """
    contact = environment.get(CONTACT_VARIABLE)
    about = "; ".join(["GPU price research", *([contact] if contact else [])])
    return f"truecost/{importlib.metadata.version('truecost')} ({about})"
