"""What is assumed of the serving constants before a measured row is seen.

A constant has a middle and the standard deviation of its logarithm. The middles are round numbers
of the hardware or of engines; the spreads say how sure that is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cost_engine.serving.inputs import Labels
from cost_engine.serving.measured import Cases, effects, first_token_effects


@dataclass(frozen=True)
class Scalar:
    """One constant: its middle, the spread of its logarithm and its unit."""

    middle: float
    spread: float
    unit: str = "ratio"


@dataclass(frozen=True)
class Table:
    """Factors near 1: the spread of their logarithms, what has one, and what they are."""

    spread: float
    note: str
    by: str = ""


@dataclass(frozen=True)
class Stage:
    """Constants that are estimated together: scalars, tables, and factors of whole metrics."""

    scalars: Mapping[str, Scalar]
    tables: Mapping[str, Table]
    factors: Mapping[str, Table]
    effects: Callable[[Cases], Mapping[str, Labels]]


SCALARS = {
    "memory_efficiency": Scalar(0.85, 0.06),
    "read_efficiency_8_bit": Scalar(0.95, 0.1),
    "read_efficiency_4_bit": Scalar(0.85, 0.15),
    "cache_read_efficiency": Scalar(0.75, 0.2),
    "expert_memory_efficiency": Scalar(0.8, 0.12),
    "compute_efficiency_16_bit": Scalar(0.7, 0.2),
    "compute_efficiency_8_bit": Scalar(0.6, 0.2),
    "compute_efficiency_4_bit": Scalar(0.5, 0.3),
    "weight_only_efficiency": Scalar(0.6, 0.3),
    "expert_compute_efficiency": Scalar(0.7, 0.3),
    "expert_tile_tokens": Scalar(8.0, 1.0, "token"),
    "prefill_compute_factor": Scalar(1.0, 0.2),
    "decode_attention_efficiency": Scalar(0.3, 0.5),
    "prefill_attention_efficiency": Scalar(0.45, 0.4),
    "narrow_shard_penalty": Scalar(0.7, 0.7),
    "overlap_exponent": Scalar(1.5, 0.15),
    "layer_overhead_seconds": Scalar(25e-6, 0.7, "seconds"),
    "expert_layer_overhead": Scalar(0.5, 0.7),
    "latent_layer_overhead": Scalar(0.3, 0.7),
    "prefill_layer_seconds": Scalar(60e-6, 0.7, "seconds"),
    "overhead_decline_per_year": Scalar(1.3, 0.15),
    "amd_overhead_factor": Scalar(1.5, 0.5),
    "step_overhead_seconds": Scalar(1e-3, 0.8, "seconds"),
    "sequence_overhead_seconds": Scalar(3e-6, 1.0, "seconds"),
    "host_sequence_seconds": Scalar(20e-6, 0.4, "seconds"),
    "hop_seconds": Scalar(6e-6, 0.7, "seconds"),
    "hop_exponent": Scalar(0.6, 0.4),
    "link_efficiency": Scalar(0.6, 0.5),
    "pcie_link_efficiency": Scalar(0.5, 0.4),
    "pcie_fabric_exponent": Scalar(0.7, 0.4),
    "dispatch_factor": Scalar(0.5, 0.5),
    "pipeline_efficiency": Scalar(0.85, 0.2),
    "usable_memory_fraction": Scalar(0.93, 0.03),
    "workspace_bytes": Scalar(2e9, 0.7, "bytes"),
    "expert_workspace_bytes": Scalar(4e9, 0.7, "bytes"),
    "output_reservation_fraction": Scalar(0.75, 0.2),
    "batch_limit": Scalar(2048.0, 0.4, "sequence"),
    "draft_acceptance": Scalar(0.7, 0.15, "fraction"),
    "prefill_pool_efficiency": Scalar(0.8, 0.3),
    "decode_pool_efficiency": Scalar(0.9, 0.2),
    "speed_growth_per_year": Scalar(1.1, 0.05),
    "tuned_speed": Scalar(1.1, 0.2),
    "arrival_efficiency": Scalar(0.92, 0.1),
    "pace_margin": Scalar(0.75, 0.3),
}
ARCHITECTURES = "against the mean of all architectures"
ENGINES = "against the mean of all engines"
SPEEDS = Stage(
    SCALARS,
    {
        "architecture_memory": Table(0.08, f"memory bandwidth {ARCHITECTURES}", "architecture"),
        "architecture_compute": Table(0.12, f"matrix throughput {ARCHITECTURES}", "architecture"),
        "architecture_overhead": Table(
            0.2, f"time between kernels {ARCHITECTURES}", "architecture"
        ),
        "architecture_hop": Table(0.3, f"latency of an exchange {ARCHITECTURES}", "architecture"),
        "engine_overhead": Table(0.4, f"time between kernels {ENGINES}", "engine"),
        "engine_speed": Table(0.08, f"everything {ENGINES}", "engine"),
        "prefill_pool": Table(0.3, f"prefill in a pool of its own {ENGINES}", "engine"),
        "precision_compute": Table(
            0.2, "matrix throughput of a precision on an architecture", "path"
        ),
    },
    {
        "model_speed": Table(0.12, "what a model's kernels are off, shrunk to 1"),
        "precision_speed": Table(0.1, "what a precision on an architecture is off, shrunk to 1"),
        "engine_path_speed": Table(0.1, "what an engine on an architecture is off, shrunk to 1"),
        "report_speed": Table(0.06, "what a report's way of measuring is off, shrunk to 1"),
    },
    effects,
)
POWER = Stage(
    {
        "power_base": Scalar(0.3, 0.3),
        "power_bandwidth": Scalar(0.4, 0.4),
        "power_compute": Scalar(0.6, 0.4),
    },
    {"power_architecture": Table(0.15, f"power over the limit {ARCHITECTURES}", "architecture")},
    {},
    lambda cases: {},
)
FIRST_TOKEN = Stage(
    {
        "first_token_factor": Scalar(1.0, 0.5),
        "first_token_exponent": Scalar(0.4, 0.4),
        "first_token_start_seconds": Scalar(0.03, 1.0, "seconds"),
        "first_token_steps": Scalar(1.5, 0.5),
        "waiting_factor": Scalar(0.5, 0.5),
        "divided_prefill": Scalar(0.4, 0.5),
        "pooled_start_seconds": Scalar(0.1, 1.0, "seconds"),
        "pooled_queue_factor": Scalar(1.5, 0.5),
        "pooled_queue_exponent": Scalar(0.8, 0.2),
        "pooled_group_fraction": Scalar(0.1, 1.0),
    },
    {
        "first_token_prefill": Table(0.4, "prefill before the first token", "engine_path"),
        "first_token_growth": Table(0.3, "growth of the queue with the batch", "engine_path"),
        "first_token_start": Table(0.7, f"time before a prefill {ENGINES}", "engine"),
        "pooled_prefill": Table(0.3, "queue of a pool for prefill", "engine_path"),
    },
    {
        "first_token_model": Table(0.1, "first token of a model, as a speed, shrunk to 1"),
        "first_token_report": Table(0.08, "first token in a report, as a speed, shrunk to 1"),
    },
    first_token_effects,
)
