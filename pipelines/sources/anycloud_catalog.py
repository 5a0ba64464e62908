"""The anycloud catalogue: files in SkyPilot's format for Azure, GCP, Lambda and Vast."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.sources.base import Fetching, Payload, Request, Row, Source
from pipelines.sources.skypilot_format import read_catalogue

BASE_URL = "https://raw.githubusercontent.com/anycloud-sh/catalog/main"
CLOUDS = ("azure", "gcp", "lambda", "vast")


def requests(fetching: Fetching) -> list[Request]:
    """Ask for each cloud's file."""
    return [Request(key=cloud, url=f"{BASE_URL}/{cloud}/vms.csv") for cloud in CLOUDS]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the offers of the cloud that the key names."""
    return read_catalogue(payload, payload.key)


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
    parser_version=1,
    expected_rows=(300, 20000),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM", "nvidia-l4", "A100 80GB PCIe"}),
)
