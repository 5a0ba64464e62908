"""SkyPilot's public catalogue, version 8: one CSV a cloud, a second witness of their prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from pipelines.sources.base import (
    MEBIBYTE,
    Fetching,
    ParseError,
    Payload,
    ReadRow,
    Request,
    Source,
)
from pipelines.sources.skypilot_format import Catalogue, read_catalogue

BASE_URL = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"
DOLLARS = Catalogue(currency="USD")
BY_REGION = Catalogue(currency="USD", has_price_by_region=True)
# Clouds with vms.csv in version 8 (2026-11-21); azure, do, fluidstack, ibm, paperspace and scaleway
# are in older versions only and are not read from there: those prices are years old. A cloud is
# added with the currency of its own price list.
CLOUDS: Mapping[str, Catalogue] = {
    "aws": BY_REGION,
    "cudo": DOLLARS,
    "daytona": DOLLARS,
    "gcp": BY_REGION,
    "hyperbolic": DOLLARS,
    "hyperstack": DOLLARS,
    "jarvislabs": DOLLARS,
    "lambda": DOLLARS,
    "lium": DOLLARS,
    # An auction; the catalogue prints its floor.
    "mithril": Catalogue(currency="USD", has_spot_as_floor=True),
    "nebius": DOLLARS,
    # One price in all regions, and preemptible is half of it, as in oci.
    "oci": Catalogue(currency="USD", has_spot_by_rule=True),
    "primeintellect": DOLLARS,
    "runpod": DOLLARS,
    # The same plans as in seeweb_api, in euros.
    "seeweb": Catalogue(currency="EUR", is_sold_out_without_region=True),
    "shadeform": DOLLARS,
    "spheron": DOLLARS,
    # Hosts' lowest bids, as in vast.
    "vast": Catalogue(currency="USD", has_price_by_region=True, has_spot_as_floor=True),
    "verda": DOLLARS,
    "yotta": DOLLARS,
}


def requests(fetching: Fetching) -> list[Request]:
    """Ask for each cloud's file; one that is gone answers 404."""
    return [
        Request(key=cloud, url=f"{BASE_URL}/{cloud}/vms.csv", is_optional=True) for cloud in CLOUDS
    ]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of the cloud that the key names.

    Raises
    ------
    ParseError
        If nothing is declared of this cloud's prices.
    """
    catalogue = CLOUDS.get(payload.key)
    if catalogue is None:
        raise ParseError(
            f"{payload.where()}: the currency of this catalogue is not declared; add it to CLOUDS"
        )
    return read_catalogue(payload, payload.key, catalogue)


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
    row_of_answer="line of vms.csv",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2026, 8, 1),
    expected_rows=(30, 30000),
    max_bytes=64 * MEBIBYTE,  # the recorded ones are of small clouds
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100", "H200"}),
    requests_per_second=4.0,
)
