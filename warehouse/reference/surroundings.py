"""What stands beside the price of a machine: its network, and what moving and keeping data costs.

Figures of providers' documentation, each with its address and the day it was read. What a price
list prints with an offer belongs to the offer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from warehouse.reference.documents import Documents, once, typed_rows

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """How the GPUs of a machine, and machines of a kind, are joined."""

    provider_id: str
    sku: str
    node_link: str  # NVLink, NeuronLink, Infinity Fabric or PCIe
    network: str  # InfiniBand, RoCE, EFA, GPUDirect-TCPX or Ethernet
    network_bits_per_second: float  # of one machine to others, in one direction
    source_url: str
    retrieved_on: date


@dataclass(frozen=True, slots=True)
class DataPrice:
    """What a provider asks for moving data out to the internet, and for keeping it."""

    provider_id: str
    area: str  # a part of the world, or any
    egress_usd_per_gigabyte: float | None  # first paid tier
    egress_free_gigabytes_per_month: float | None
    storage_usd_per_gigabyte_month: float | None  # the standard volume that machines mount
    source_url: str
    retrieved_on: date
    note: str | None


@once
def node_networks(documents: Documents) -> tuple[NodeNetwork, ...]:
    """Return the networks of machines."""
    return _rows(documents, "node_networks", NodeNetwork)


@once
def data_prices(documents: Documents) -> tuple[DataPrice, ...]:
    """Return the prices of data."""
    return _rows(documents, "data_prices", DataPrice)


def _rows(documents: Documents, name: str, kind: type[Kind]) -> tuple[Kind, ...]:
    """Return the rows of a table; none of a published file that is older than the table."""
    return typed_rows(documents, name, kind) if f"{name}.csv" in documents.names() else ()
