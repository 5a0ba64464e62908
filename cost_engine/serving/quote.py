"""What replicas cost that serve requests at known prices: tokens, requests and energy.

Pure arithmetic on arrays of one row a set. The single formulas are in ``cost`` and
``calibration``; prices and workloads come in as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cost_engine.serving import cost
from cost_engine.serving.calibration import cost_interval
from cost_engine.serving.inputs import Floats
from cost_engine.serving.replicas import GpuSets, Request, Served


@dataclass(frozen=True)
class Prices:
    """Prices of one GPU for each set: the median of providers, the 10th and 90th percentile."""

    usd_per_gpu_hour: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Quote:
    """Costs of a full replica, one row a set. Energy is NaN where power is unknown."""

    usd_per_1k_input_tokens: Floats
    usd_per_1k_output_tokens: Floats
    usd_per_1k_tokens: Floats
    low: Floats
    high: Floats
    usd_per_1k_tokens_provisioned: Floats
    usd_per_request: Floats
    watt_hours_per_1k_tokens: Floats
    watt_hours_per_request: Floats


def quote(
    sets: GpuSets,
    point: Served,
    request: Request,
    prices: Prices,
    error_log_sd: Floats,
    *,
    fleet_utilisation_fraction: float,
) -> Quote:
    """Return what each set costs that serves a request.

    Parameters
    ----------
    sets : GpuSets
    point : Served
        How the sets serve the request, each with a concurrency of at least 1.
    request : Request
    prices : Prices
        [USD / (GPU h)]
    error_log_sd : array
        Spread of the error of the speed. [1]
    fleet_utilisation_fraction : float
        Mean over peak demand, for the provisioned cost and the energy. [1]

    Returns
    -------
    Quote
    """
    speed = point.tokens_per_second_per_gpu
    usd = np.asarray(cost.serving_usd_per_1k_tokens(prices.usd_per_gpu_hour, speed))
    usd_input, usd_output = cost.usd_per_1k_tokens_split(
        prices.usd_per_gpu_hour,
        sets.gpu_count,
        point.requests_per_second,
        point.prefill_fraction,
        request.input_tokens,
        request.output_tokens,
    )
    low, high = cost_interval(usd, prices.usd_per_gpu_hour, prices.low, prices.high, error_log_sd)
    watt_hours = np.asarray(
        cost.watt_hours_per_1k_tokens(sets.facility_watts, speed, fleet_utilisation_fraction)
    )
    return Quote(
        usd_per_1k_input_tokens=usd_input,
        usd_per_1k_output_tokens=usd_output,
        usd_per_1k_tokens=usd,
        low=low,
        high=high,
        usd_per_1k_tokens_provisioned=usd / fleet_utilisation_fraction,
        usd_per_request=usd * request.tokens / cost.THOUSAND,
        watt_hours_per_1k_tokens=watt_hours,
        watt_hours_per_request=watt_hours * request.tokens / cost.THOUSAND,
    )
