"""The anycloud catalogue: files in SkyPilot's format for Azure, GCP, Lambda and Vast."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from pipelines.sources.base import (
    Fetching,
    Payload,
    ReadRow,
    Request,
    Source,
    four_times,
)
from pipelines.sources.skypilot_format import Catalogue, read_catalogue

BASE_URL = "https://raw.githubusercontent.com/anycloud-sh/catalog/main"
DOLLARS = Catalogue(currency="USD")
BY_REGION = Catalogue(currency="USD", has_price_by_region=True)
AUCTION = Catalogue(currency="USD", has_price_by_region=True, has_spot_as_floor=True)
CLOUDS = {"azure": BY_REGION, "gcp": BY_REGION, "lambda": DOLLARS, "vast": AUCTION}


def requests(fetching: Fetching) -> list[Request]:
    """Ask for each cloud's file."""
    return [Request(key=cloud, url=f"{BASE_URL}/{cloud}/vms.csv") for cloud in CLOUDS]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of the cloud that the key names."""
    return read_catalogue(payload, payload.key, CLOUDS[payload.key])


SOURCE = Source(
    source_id="anycloud_catalog",
    title="anycloud catalogue (SkyPilot format)",
    kind="feed",
    homepage_url="https://github.com/anycloud-sh/catalog",
    terms_url="https://github.com/anycloud-sh/catalog",
    licence="none stated",
    credit="anycloud catalog, https://github.com/anycloud-sh/catalog",
    may_redistribute=False,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=requests,
    parse=parse,
    row_of_answer="line of vms.csv",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2026, 5, 20),
    expected_rows=(300, 20000),
    max_bytes=four_times(3_344_005),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM", "nvidia-l4", "A100 80GB PCIe"}),
)
