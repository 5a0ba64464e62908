"""A model of one's own from a ``config.json`` in the layout of Hugging Face.

Here belongs the reading of such a file into the same figures that a reference model has: sizes are
counted from the shape. Dense and mixture layers, grouped and compressed (MLA) attention, sliding
windows, linear attention, state-space layers (Mamba) and mixes of them are known. Counts leave out
biases and norms of attention heads, under a thousandth of a model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warehouse.reference.documents import ReferenceError
from warehouse.reference.models import Model

LARGEST_FILE_BYTES = 4_000_000
"""A configuration is a few kilobytes; a larger file is not one. [byte]"""
LARGEST_FIGURE = 10**9
"""No width, count or context of a model comes near it. [1]"""
MOST_LAYERS = 10_000
PLAIN_MLP_MODELS = (
    *("gpt2", "gpt_neox", "gpt_neo", "gptj", "gpt_bigcode", "opt", "bloom", "falcon", "phi"),
    *("starcoder2", "mpt", "nemotron", "nemotron_h"),
)
"""Kinds of models whose feed-forward layer has two matrices; the others have a gate, so three."""
TIED_MODELS = ("gemma", "gemma2", "gemma3", "gemma3_text", "gpt2", "cohere", "cohere2", "bloom")
"""Kinds of models that share input and output embedding where their file does not say."""
FULL_EVERY = {
    "gemma2": 2,
    "gemma3": 6,
    "gemma3_text": 6,
    "cohere2": 4,
    "llama4": 4,
    "llama4_text": 4,
}
"""Kinds of models in which one layer of so many attends to everything, where their file does not
say."""
BLOCKS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
"""What the letters of a hybrid pattern stand for."""
SPELLINGS = {
    "hidden_size": ("hidden_size", "n_embd", "d_model"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "attention_heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"),
    "head_dimension": ("head_dim", "attention_head_dim", "kv_channels"),
    "vocabulary_size": ("vocab_size", "padded_vocab_size"),
    "feed_forward": ("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim"),
    "experts": ("n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts"),
    "experts_per_token": (
        *("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_top_k"),
        *("moe_topk", "top_k_experts"),
    ),
    "expert_feed_forward": ("moe_intermediate_size", "expert_ffn_hidden_size"),
    "shared_experts": ("n_shared_experts", "num_shared_experts", "num_shared_expert"),
    "shared_feed_forward": (
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
    ),
    "dense_layers": ("first_k_dense_replace", "moe_layer_start_index", "num_dense_layers"),
    "context_limit_tokens": ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"),
    "sliding_window_tokens": ("sliding_window", "sliding_window_size", "attention_chunk_size"),
}
"""Figure to the keys under which files have it."""


def model_from_config(path: Path) -> Model:
    """Return the model that a configuration describes.

    Raises
    ------
    ReferenceError
        If the file cannot be read, or lacks a figure; names it and what it is for.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE_BYTES + 1)
        if len(text) > LARGEST_FILE_BYTES:
            raise ReferenceError(
                f"{path}: over {LARGEST_FILE_BYTES:,} bytes; a config.json has a few thousand"
            )
        content = json.loads(text.decode("utf-8-sig"))
    except OSError as error:
        raise ReferenceError(f"{path}: {error.strerror}; give a config.json") from None
    except (ValueError, RecursionError) as error:
        raise ReferenceError(f"{path}: not JSON ({error}); give a config.json") from None
    if not isinstance(content, dict):
        raise ReferenceError(f"{path}: must hold an object; give a config.json of Hugging Face")
    of_text = content.get("text_config")
    config = content | of_text if isinstance(of_text, dict) else content
    # A file that was renamed says which model it is; of a config.json its folder does.
    said = path.parent.resolve().name if path.name == "config.json" else path.stem
    name = "".join(letter for letter in said if letter.isprintable())
    return _Shape(config, path.name).model(name or path.stem)


class _Shape:
    """The shape that a configuration describes, and what is counted from it."""

    def __init__(self, config: Mapping[str, Any], name: str) -> None:
        self.config, self.name = config, name
        self.kind = str(config.get("model_type", "")).lower()
        self.hidden = self.needed("hidden_size", "the width of a layer, for every size")
        self.layers = self.needed("layers", "for parameters, activations and cache")
        if self.layers > MOST_LAYERS:
            raise ReferenceError(f"{name}: {self.layers:,} layers; {MOST_LAYERS:,} are allowed")
        self.heads = self.needed("attention_heads", "for attention and activations")
        self.vocabulary = self.needed("vocabulary_size", "for the embedding")
        self.kv_heads = 1 if config.get("multi_query") is True else self.of("kv_heads", self.heads)
        self.head = self.of("head_dimension", self.hidden // self.heads)
        self.latent_rank = self.number("kv_lora_rank")
        self.experts = self.of("experts", 0)
        self.blocks = self.single_blocks()

    def single_blocks(self) -> list[str] | None:
        """Return what each layer is where it is one part alone, a mixer or a feed-forward part."""
        found = self.config.get("layers_block_type")
        pattern = self.config.get("hybrid_override_pattern")
        if isinstance(pattern, str):
            found = [BLOCKS.get(letter, letter) for letter in pattern]
        if not isinstance(found, list) or not {"mlp", "moe"} & {str(one) for one in found}:
            return None
        unknown = {str(one) for one in found} - set(BLOCKS.values())
        if unknown or len(found) != self.layers:
            raise ReferenceError(
                f"{self.name}: {len(found)} blocks of {', '.join(sorted({str(b) for b in found}))}"
                f" for {self.layers} layers; allowed: one a layer, of {', '.join(BLOCKS.values())}"
            )
        return [str(one) for one in found]

    def number(self, *keys: str) -> int | None:
        """Return the first of some keys that holds a positive whole number."""
        for key in keys:
            value = self.config.get(key)
            if value is None or value is False:
                continue
            if isinstance(value, list):  # one value a layer
                value = max((one for one in value if isinstance(one, int)), default=None)
            if (
                isinstance(value, bool)
                or not isinstance(value, int)
                or not 0 <= value <= LARGEST_FIGURE
            ):
                raise ReferenceError(
                    f"{self.name}: {key} holds {value!r}; allowed: a whole number"
                    f" up to {LARGEST_FIGURE:,}"
                )
            return value
        return None

    def of(self, figure: str, default: int) -> int:
        """Return a figure, or a default where the file has none."""
        found = self.number(*SPELLINGS[figure])
        return default if found is None else found

    def needed(self, figure: str, use: str) -> int:
        """Return a figure that no model lacks.

        Raises
        ------
        ReferenceError
            If the file lacks it.
        """
        keys = SPELLINGS[figure]
        found = self.number(*keys)
        if not found:
            raise ReferenceError(f"{self.name}: no {keys[0]} ({use}); allowed: {', '.join(keys)}")
        return found

    def model(self, name: str) -> Model:
        """Return the model with its figures."""
        kinds = self.layer_kinds()
        window = self.number(*SPELLINGS["sliding_window_tokens"]) or 0
        embedding = self.vocabulary * self.hidden
        routed = self.routed_parameters()
        tables = 1 if self.is_tied() else 2
        other = sum(self.attention_parameters(kind) for kind in kinds)
        other += self.shared_parameters() + (2 * self.layers + 1) * self.hidden
        parameters = tables * embedding + other + routed
        active = parameters
        if routed:
            each = self.of("experts_per_token", 0)
            if not each:
                raise ReferenceError(
                    f"{self.name}: no num_experts_per_tok (for the parameters that a token passes);"
                    f" allowed: {', '.join(SPELLINGS['experts_per_token'])}"
                )
            # The input embedding is looked up and not multiplied.
            active = other + embedding + routed * each // self.experts
        values = {
            "parameters": parameters,
            "active_parameters": active,
            "routed_expert_parameters": routed or None,
            "experts": self.experts or None,
            "experts_per_token": self.of("experts_per_token", 0) if routed else None,
            "layers": self.layers,
            "hidden_size": self.hidden,
            "attention_heads": self.heads,
            "kv_heads": None if self.latent_rank else self.kv_heads,
            "head_dimension": None if self.latent_rank else self.head,
            "kv_lora_rank": self.latent_rank,
            "rope_head_dimension": self.number("qk_rope_head_dim") if self.latent_rank else None,
            "index_head_dimension": self.number("index_head_dim"),
            "index_top_tokens": self.number("index_topk"),
            "full_attention_layers": kinds.count("full"),
            "sliding_window_layers": kinds.count("sliding"),
            "sliding_window_tokens": window if "sliding" in kinds else None,
            "linear_attention_layers": kinds.count("linear"),
            "context_limit_tokens": self.number(*SPELLINGS["context_limit_tokens"]),
            "vocabulary_size": self.vocabulary,
        }
        return Model(
            model_id=name,
            name=name,
            texts={"model_id": name, "name": name, "is_open_weights": True},
            values={key: value for key, value in values.items() if value is not None},
            leaves={},
        )

    def is_tied(self) -> bool:
        """Whether one table serves as input and output embedding."""
        found = self.config.get("tie_word_embeddings")
        return found if isinstance(found, bool) else self.kind in TIED_MODELS

    def layer_kinds(self) -> list[str]:
        """Return the attention of each layer: full, sliding, linear, or none."""
        listed = self.blocks
        for key in ("layer_types", "layers_block_type"):
            if listed is None and isinstance(self.config.get(key), list):
                listed = self.config[key]
        if listed is not None and len(listed) == self.layers:
            return [_kind(str(one)) for one in listed]
        full = self.full_among_linear()
        if full is not None:
            return ["full" if i in full else "linear" for i in range(self.layers)]
        window = self.number(*SPELLINGS["sliding_window_tokens"])
        if not window or self.config.get("use_sliding_window") is False:
            return ["full"] * self.layers
        pattern = self.number(
            "sliding_window_pattern", "no_rope_layer_interval", "global_attn_every_n_layers"
        )
        pattern = pattern or FULL_EVERY.get(self.kind)
        if pattern:
            return ["full" if (i + 1) % pattern == 0 else "sliding" for i in range(self.layers)]
        return ["sliding"] * self.layers

    def full_among_linear(self) -> set[int] | None:
        """Return the layers of full attention in a mix with linear ones; None without a mix."""
        every, layers = self.number("full_attention_interval"), range(self.layers)
        if every:
            return {i for i in layers if (i + 1) % every == 0}
        every = self.number("attn_layer_period")
        if every:
            return {i for i in layers if i % every == (self.number("attn_layer_offset") or 0)}
        types = self.config.get("attn_type_list")
        if isinstance(types, list):
            return {i for i, one in enumerate(types) if one}
        listed = self.config.get("attn_layer_indices")
        if isinstance(listed, list):
            return set(listed)
        mix = self.config.get("linear_attn_config")
        if isinstance(mix, dict) and isinstance(mix.get("full_attn_layers"), list):
            return {i - 1 for i in mix["full_attn_layers"] if isinstance(i, int)}
        return None

    def state_space_parameters(self) -> int | None:
        """Return the weights of one Mamba layer; None where the file has none."""
        state = self.number("mamba_d_state", "ssm_state_size")
        if state is None:
            return None
        heads = self.number("mamba_num_heads", "mamba_n_heads")
        inner = (self.number("mamba_expand", "expand") or 2) * self.hidden
        if heads:
            width = self.config.get("mamba_head_dim") or self.config.get("mamba_d_head")
            if isinstance(width, int):
                inner = heads * width
            groups = self.number("n_groups", "mamba_n_groups") or 1
            return self.hidden * (3 * inner + 2 * groups * state + heads)
        rank = self.config.get("mamba_dt_rank")
        rank = rank if isinstance(rank, int) else -(-self.hidden // 16)
        return 3 * self.hidden * inner + inner * 2 * (rank + state)

    def attention_parameters(self, kind: str) -> int:
        """Return the weights of the mixer of one layer."""
        if kind == "none":
            return 0
        state_space = self.state_space_parameters()
        if kind == "linear" and state_space is not None:
            return state_space
        if kind == "full" and self.kind == "falcon_h1":  # both, side by side
            return (state_space or 0) + self.full_attention_parameters()
        return self.linear_attention_parameters(kind) or self.full_attention_parameters()

    def linear_attention_parameters(self, kind: str) -> int | None:
        """Return the weights of a layer of linear attention; None for another one."""
        if kind != "linear":
            return None
        key_heads = self.number("linear_num_key_heads")
        if key_heads:
            keys = key_heads * (self.number("linear_key_head_dim") or self.head)
            value_heads = self.number("linear_num_value_heads") or key_heads
            values = value_heads * (self.number("linear_value_head_dim") or self.head)
            return self.hidden * (2 * keys + 3 * values)  # q, k, v, gate and output
        mix = self.config.get("linear_attn_config")
        if isinstance(mix, dict):
            own = _Shape({**self.config, **mix}, self.name).number
            return 4 * self.hidden * (own("num_heads") or 0) * (own("head_dim") or 0)
        if self.config.get("attn_type_list"):
            return 5 * self.hidden * self.heads * self.head
        return None

    def full_attention_parameters(self) -> int:
        """Return the weights of a layer of full or windowed attention."""
        if self.latent_rank is None:
            queries = self.heads * self.head * (2 if self.config.get("attn_output_gate") else 1)
            output = self.heads * self.head
            return self.hidden * (queries + output + 2 * self.kv_heads * self.head)
        rotary = self.number("qk_rope_head_dim") or 64
        plain = self.number("qk_nope_head_dim") or self.head
        value = self.number("v_head_dim") or plain
        query_rank = self.number("q_lora_rank")
        queries = self.heads * (plain + rotary)
        query = query_rank * (self.hidden + queries) if query_rank else self.hidden * queries
        latent = self.hidden * (self.latent_rank + rotary)
        latent += self.latent_rank * self.heads * (plain + value)
        index = self.number("index_n_heads") or 0
        width = self.number("index_head_dim") or 0
        indexer = index * width * (query_rank or self.hidden) + self.hidden * (width + index)
        return query + latent + self.heads * value * self.hidden + (indexer if index else 0)

    def mixture_layers(self) -> int:
        """Return the layers whose feed-forward part is a mixture of experts."""
        if self.experts < 2:
            return 0
        if self.blocks is not None:
            return self.blocks.count("moe")
        period = self.number("expert_layer_period")
        if period:
            offset = self.number("expert_layer_offset") or 0
            return sum(i % period == offset for i in range(self.layers))
        dense = self.of("dense_layers", 0)
        listed = self.config.get("mlp_only_layers")
        every = (
            self.number("decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq") or 1
        )
        layers = range(dense, self.layers)
        skipped = set(listed) if isinstance(listed, list) else set()
        return sum((i + 1) % (every or 1) == 0 and i not in skipped for i in layers)

    def matrices(self) -> int:
        """Return the matrices of a feed-forward layer: three with a gate, else two."""
        return 2 if self.kind in PLAIN_MLP_MODELS else 3

    def feed_forward(self) -> int:
        """Return the width of a dense feed-forward layer."""
        found = self.number(*SPELLINGS["feed_forward"])
        if found:
            return found
        if self.kind in PLAIN_MLP_MODELS:
            return 4 * self.hidden
        return self.needed("feed_forward", "for the parameters of a layer")

    def routed_parameters(self) -> int:
        """Return the weights of all routed experts."""
        layers = self.mixture_layers()
        if not layers:
            return 0
        width = self.number(*SPELLINGS["expert_feed_forward"]) or self.feed_forward()
        return layers * self.experts * self.matrices() * self.hidden * width

    def shared_parameters(self) -> int:
        """Return the weights of dense feed-forward layers, shared experts and routers."""
        layers = self.mixture_layers()
        others = self.layers - layers if self.blocks is None else self.blocks.count("mlp")
        dense = 0
        if others:
            wide = self.number("intermediate_size_mlp") or self.feed_forward()
            dense = others * self.matrices() * self.hidden * wide
        if not layers:
            return dense
        width = self.number(*SPELLINGS["expert_feed_forward"]) or self.feed_forward()
        shared = self.number(*SPELLINGS["shared_feed_forward"])
        if shared is None:
            count = self.of("shared_experts", 1 if self.kind.startswith("llama4") else 0)
            shared = count * width
        return dense + layers * (
            self.matrices() * self.hidden * shared + self.hidden * self.experts
        )


def _kind(layer_type: str) -> str:
    if layer_type in ("mlp", "moe"):
        return "none"
    if "linear" in layer_type or "mamba" in layer_type or "recurrent" in layer_type:
        return "linear"
    return "sliding" if "sliding" in layer_type or "chunked" in layer_type else "full"
