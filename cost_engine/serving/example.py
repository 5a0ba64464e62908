"""One worked case that the doctests of this room share: Llama-3.1-8B in fp8 on one H100.

Round figures for arithmetic that a reader can redo. No reference data: those belong to the
warehouse.
"""

from __future__ import annotations

from cost_engine.serving.inputs import Chip, Labels, Load, ModelShape

LLAMA_8B = ModelShape(
    parameters=8e9,
    active_parameters=8e9,
    layers=32,
    hidden_size=4096,
    attention_heads=32,
    kv_heads=8,
    head_dimension=128,
    full_attention_layers=32,
)
H100_FP8 = Chip(
    memory_bytes=85.5e9,
    bandwidth_bytes_per_second=3.35e12,
    link_bandwidth_bytes_per_second=450e9,
    flops_per_second=1979e12,
    flops_per_second_16_bit=989e12,
    bytes_per_weight=1.0,
    weight_bits=8,
    is_weight_only=False,
    is_pcie=False,
    is_amd=False,
    architecture=Labels.of("hopper"),
    path=Labels.of("hopper/fp8"),
)
THOUSAND_IN_AND_OUT = Load(
    input_tokens=1000.0,
    output_tokens=1000.0,
    bytes_per_kv_value=1.0,
    engine=Labels.of("ideal"),
    engine_path=Labels.of("ideal/hopper"),
    gpu_count=1.0,
)
