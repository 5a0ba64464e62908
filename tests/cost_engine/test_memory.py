"""Memory of weights and caches."""

from cost_engine import memory


def test_linear_attention_and_windows_keep_the_cache_small() -> None:
    whole = memory.kv_bytes_per_sequence(32_000, 2048, 1, 60)
    hybrid = memory.kv_bytes_per_sequence(32_000, 2048, 1, 15)
    window = memory.kv_bytes_per_sequence(32_000, 2048, 1, 30, 30, 128)
    assert hybrid == whole / 4
    assert whole / 2 < window < whole / 2 * 1.01


def test_smallest_replica_of_a_70b_model() -> None:
    fp16 = memory.weight_bytes(70.6e9, 2)
    cache = memory.kv_bytes_per_sequence(2000, 2048, 2, 80)
    assert memory.minimum_gpu_count(0.92 * 85.5e9, fp16, cache) == 2
    assert memory.minimum_gpu_count(0.92 * 192e9, fp16, cache) == 1
    assert memory.minimum_gpu_count(10e9, fp16 * 10, cache) is None
