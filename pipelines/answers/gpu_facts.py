"""What an answer needs of a GPU: memory, peak, power, and the price of an hour.

Here belongs the reading of one GPU from the published file, or from the reference data where there
is no published file. Used by the answers of ``train``, ``own-vs-rent`` and ``reserve``.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from cost_engine.training.planning import SERVER_GPUS
from pipelines.derive.price_basis import DEFAULT_BASIS, GpuPrice, PriceBasis, basis_prices
from warehouse.reference import Documents, read_gpus
from warehouse.reference.documents import once
from warehouse.reports import run_report

MARKETS_NAMED = 4
"""Markets with a price that a refusal names."""


@dataclass(frozen=True)
class Used:
    """One assumption or figure that an answer depends on, with its 90 % range if it has one."""

    name: str
    value: float | str | None
    unit: str
    source: str
    low: float | None = None
    high: float | None = None

    @property
    def number(self) -> float:
        """The value of a figure that is always known."""
        assert self.value is not None
        return float(self.value)


@dataclass(frozen=True)
class GpuFacts:
    """What a plan needs of a GPU, and the price of an hour.

    Attributes
    ----------
    memory_bytes : float
        [byte]
    peak_flops_per_second : float
        Dense, in ``precision``. [FLOP / s]
    board_power_watts : float or None
        [W]
    usd_per_gpu_hour : float
        [USD / (GPU h)]
    price : GpuPrice
        The same with its interval, whose it is, and from how many providers.
    sixteen_bit_flops_per_second : float or None
        Dense peak in bf16 or fp16. [FLOP / s]
    architecture : str
        Its generation.
    """

    gpu_id: str
    memory_bytes: float
    peak_flops_per_second: float
    board_power_watts: float | None
    usd_per_gpu_hour: float
    price: GpuPrice
    precision: str = "bf16"
    sixteen_bit_flops_per_second: float | None = None
    architecture: str = ""


def gpu_facts(
    connection: duckdb.DuckDBPyConnection | None,
    gpu_id: str,
    documents: Documents,
    precision: str = "bf16",
    basis: PriceBasis = DEFAULT_BASIS,
    given: GpuPrice | None = None,
    gpu_count: int | None = None,
) -> GpuFacts:
    """Return memory, dense peak, power and price of a GPU.

    Parameters
    ----------
    connection : DuckDBPyConnection, optional
        The published file; without one the specifications are those of ``documents``.
    gpu_id : str
    documents : Documents
    precision : str
        Of the peak.
    basis : PriceBasis
        Whose price.
    given : GpuPrice, optional
        Instead of it.
    gpu_count : int, optional
        GPUs of the cluster: it takes whole servers, or fewer GPUs in one.

    Raises
    ------
    ValueError
        For an unknown GPU, a precision it has no peak for, or no tracked price and none given.
    """
    memory, peaks, watts = _hardware(connection, gpu_id, documents)
    if precision not in peaks:
        raise ValueError(
            f"precision = {precision!r}: no dense peak of {gpu_id}; there are "
            + (", ".join(sorted(peaks)) or "none")
        )
    if memory is None:
        raise ValueError(f"gpu = {gpu_id!r}: its memory is not known; name the variant")
    price = given or gpu_price(connection, gpu_id, basis).of_set(
        min(gpu_count or SERVER_GPUS, SERVER_GPUS)
    )
    return GpuFacts(
        gpu_id,
        memory,
        peaks[precision],
        watts,
        price.usd_per_gpu_hour,
        price,
        precision,
        peaks.get("bf16"),
        architectures(documents).get(gpu_id, ""),
    )


def gpu_class(connection: duckdb.DuckDBPyConnection, gpu_id: str) -> str:
    """Return the class of an accelerator: data_center, workstation or consumer."""
    [(found,)] = run_report(connection, "gpu_class", gpu_id=gpu_id).rows
    return str(found)


def _hardware(
    connection: duckdb.DuckDBPyConnection | None, gpu_id: str, documents: Documents
) -> tuple[float | None, dict[str, float], float | None]:
    """Return memory [byte], dense peaks by precision [FLOP / s] and board power [W]."""
    if connection is not None:
        rows = run_report(connection, "gpu_hardware", gpu_id=gpu_id).rows
        if rows:
            peaks = run_report(connection, "gpu_dense_peaks", gpu_id=gpu_id).rows
            return rows[0][0], _with_bf16(dict(peaks)), rows[0][1]
    gpus = {gpu.gpu_id: gpu for gpu in read_gpus(documents)}
    if gpu_id not in gpus:
        raise ValueError(f"gpu = {gpu_id!r}: unknown; there are {', '.join(sorted(gpus)[:12])} ...")
    gpu = gpus[gpu_id]
    return gpu.memory_bytes, _with_bf16(dict(gpu.dense_flops_per_second)), gpu.board_power_watts


@once
def architectures(documents: Documents) -> dict[str, str]:
    """Return the architecture of each GPU."""
    return {gpu.gpu_id: gpu.architecture for gpu in read_gpus(documents)}


def _with_bf16(peaks: dict[str, float]) -> dict[str, float]:
    """Use the fp16 peak for bf16 on chips that are older than that format."""
    if "bf16" not in peaks and "fp16" in peaks:
        peaks["bf16"] = peaks["fp16"]
    return peaks


def gpu_price(
    connection: duckdb.DuckDBPyConnection | None, gpu_id: str, basis: PriceBasis = DEFAULT_BASIS
) -> GpuPrice:
    """Return the price of one GPU on a basis.

    Where the market was not asked for and the GPU has no price there, it is that of the market with
    most providers, which the price names.

    Raises
    ------
    ValueError
        If there is none. The message says what would work.
    """
    if connection is None:
        raise ValueError(f"gpu = {gpu_id!r}: no prices here; give one with --price")
    found = basis_prices(connection, basis).get(gpu_id)
    if found is None:
        raise ValueError(
            f"gpu = {gpu_id!r}: no fresh price, {basis}; {elsewhere(connection, gpu_id)}"
        )
    return found


def elsewhere(connection: duckdb.DuckDBPyConnection, gpu_id: str) -> str:
    """Return the options that have a fresh price of a GPU, in a few words."""
    rows = run_report(connection, "markets_of_gpu", gpu_id=gpu_id).rows
    there = "; ".join(
        f"--purchase {purchase} --market {family} --region {region} ({count})"
        for purchase, family, region, count in rows[:MARKETS_NAMED]
    )
    return f"providers elsewhere: {there}" if there else "give one with --price"
