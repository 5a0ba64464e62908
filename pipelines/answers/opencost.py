"""Prices as OpenCost reads them: its CSV of nodes and GPUs, and its custom prices in JSON.

OpenCost reads a CSV where ``USE_CSV_PROVIDER`` is set, and looks up a node by a field of its own
(``InstanceIDField``) and by region. It adds a row of the class ``gpu`` to the price of its node.
The list price of an instance holds its GPUs, so instances and GPUs are two files.
docs/how-to/doors.md says how to use them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from warehouse.reports import report_dicts

COLUMNS = (
    "EndTimestamp", "InstanceID", "Region", "AssetClass", "InstanceIDField", "InstanceType",
    "MarketPriceHourly", "Version",
)  # fmt: skip
NODE_FIELD = "metadata.labels.node.kubernetes.io/instance-type"
GPU_LABEL = (
    "nvidia.com/gpu.product"  # the name that the driver prints, as NVIDIA's operator sets it
)
PURCHASE_MODELS = ("on_demand", "spot", "reserved", "capacity_block")
MARKET_FAMILIES = ("neocloud", "hyperscaler", "marketplace_secure", "marketplace_community")
REFERENCE_REGIONS = ("us", "europe", "asia")


class OpenCostError(ValueError):
    """There are no such prices; one line that says what exists."""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Whose index prices a GPU, and how it is bought."""

    purchase_model: str = "on_demand"
    market_family: str = "neocloud"
    reference_region: str = "us"

    def __post_init__(self) -> None:
        for name, asked, known in (
            ("purchase model", self.purchase_model, PURCHASE_MODELS),
            ("market family", self.market_family, MARKET_FAMILIES),
            ("region", self.reference_region, REFERENCE_REGIONS),
        ):
            if asked not in known:
                raise OpenCostError(f"no {name} {asked!r}; there are: {', '.join(known)}")


def nodes_csv(
    connection: duckdb.DuckDBPyConnection,
    provider_id: str | None = None,
    purchase_model: str = "on_demand",
    commitment_months: int | None = None,
) -> str:
    """Return list prices of whole instances by region and instance type. [USD/h].

    Raises
    ------
    OpenCostError
        If no provider has such a price.
    """
    basis = Basis(purchase_model=purchase_model)
    rows = report_dicts(connection, "opencost_nodes", provider_id=provider_id,
            purchase_model=basis.purchase_model, commitment_months=commitment_months,)  # fmt: skip
    if not rows:
        raise OpenCostError(
            f"{provider_id or 'nobody'} prices no instance by region, {purchase_model}"
            + (f" for {commitment_months} months" if commitment_months else "")
        )
    return as_csv(
        {
            "EndTimestamp": f"{row['seen_at']:%Y-%m-%d %H:%M:%S} UTC",
            "InstanceID": row["sku"],
            "Region": row["region"],
            "AssetClass": "node",
            "InstanceIDField": NODE_FIELD,
            "InstanceType": row["sku"],
            "MarketPriceHourly": amount(row["usd_per_node_hour"]),
        }
        for row in rows
    )


def gpus_csv(connection: duckdb.DuckDBPyConnection, basis: Basis) -> str:
    """Return the index of each GPU, by the label of its node: rows beside those of own nodes."""
    return as_csv(
        {
            "EndTimestamp": f"{row['day']} 00:00:00 UTC",
            "InstanceID": row["label"],
            "AssetClass": "gpu",
            "InstanceIDField": GPU_LABEL,
            "MarketPriceHourly": amount(row["usd_per_gpu_hour"]),
        }
        for row in report_dicts(connection, "opencost_gpus", **asdict(basis))
    )


def custom_prices(
    connection: duckdb.DuckDBPyConnection, gpu_id: str, basis: Basis
) -> dict[str, str]:
    """Return the fields of OpenCost's ``default.json`` for a cluster of one kind of GPU.

    CPU and memory cost nothing apart: the index is of a GPU with its share of the host. A price
    that is not known is left out, and OpenCost keeps its own.

    Raises
    ------
    OpenCostError
        If the index has no value on this basis.
    """
    values = {
        row["purchase_model"]: row
        for row in report_dicts(connection, "metrics_index")
        if (row["gpu_id"], row["market_family"], row["reference_region"], row["commitment_months"])
        == (gpu_id, basis.market_family, basis.reference_region, None)
    }
    if basis.purchase_model not in values:
        raise OpenCostError(
            f"the index has no value for {gpu_id}, {basis.purchase_model}, {basis.market_family},"
            f" {basis.reference_region}: truecost index {gpu_id} shows what it has"
        )
    value, spot = values[basis.purchase_model], values.get("spot")
    found = {
        "provider": "custom",
        "description": f"Truecost index of {value['day']}: {gpu_id}, {basis.purchase_model},"
        f" {basis.market_family}, {basis.reference_region}; CPU and memory are in the GPU's price",
        "CPU": "0",
        "RAM": "0",
        "GPU": amount(value["usd_per_gpu_hour"]),
    }
    if spot:
        found |= {"spotCPU": "0", "spotRAM": "0", "spotGPU": amount(spot["usd_per_gpu_hour"])}
    return found


def amount(usd: float) -> str:
    """Return an amount to the millionth, as a text without exponent.

    Examples
    --------
    >>> amount(3.1950000000000003), amount(19.2)
    ('3.195000', '19.200000')
    """
    return f"{usd:.6f}"


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as the CSV that OpenCost reads; a column that a row lacks is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
