"""SkyPilot's public catalogue, version 8: one CSV a cloud, a second witness of their prices."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.sources.base import Fetching, Payload, Request, Row, Source
from pipelines.sources.skypilot_format import read_catalogue

BASE_URL = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"
# Clouds with vms.csv in version 8 (2026-11-21); azure, do, fluidstack, ibm, paperspace and scaleway
# stand in older versions only and are not read from there: those prices are years old.
CLOUDS = (
    "aws",
    "cudo",
    "daytona",
    "gcp",
    "hyperbolic",
    "hyperstack",
    "jarvislabs",
    "lambda",
    "lium",
    "mithril",
    "nebius",
    "oci",
    "primeintellect",
    "runpod",
    "seeweb",
    "shadeform",
    "spheron",
    "vast",
    "verda",
    "yotta",
)


def requests(fetching: Fetching) -> list[Request]:
    """Ask for each cloud's file; one that is gone answers 404."""
    return [
        Request(key=cloud, url=f"{BASE_URL}/{cloud}/vms.csv", is_optional=True) for cloud in CLOUDS
    ]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the offers of the cloud that the key names."""
    return read_catalogue(payload, payload.key)


SOURCE = Source(
    source_id="skypilot_catalog",
    title="SkyPilot catalogue v8",
    kind="feed",
    homepage_url="https://github.com/skypilot-org/skypilot-catalog",
    terms_url="https://github.com/skypilot-org/skypilot-catalog/blob/master/LICENSE",
    licence="Apache-2.0",
    credit="SkyPilot catalog (Apache-2.0), https://github.com/skypilot-org/skypilot-catalog",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(30, 30000),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100", "H200"}),
    requests_per_second=4.0,
)
