"""Stages of the life of a model: what a token costs in each, and what one GPU must hold.

Pretraining takes six FLOP a parameter and token. The other stages take more or fewer, keep another
state, or sample tokens. Prices, peaks and utilisations come in as arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from cost_engine.units import fraction, positive

FORWARD = 2.0
"""Forward pass. [FLOP / (parameter token)] Kaplan et al. 2020, arXiv:2001.08361."""
FULL = 6.0
"""Forward and backward pass, gradients of all weights. [FLOP / (parameter token)]
arXiv:2001.08361."""
FROZEN = 4.0
"""Forward and backward pass through frozen weights: no gradients of them.
[FLOP / (parameter token)] Hu et al. 2021, arXiv:2106.09685: only adapters are trained."""
ADAPTER_BYTES = 0.16
"""Adapters of a hundredth of the weights with their Adam state, for each weight of the model.
[byte / parameter] assumption: 1 % of 16 bytes, rank 16 to 64 on all matrices."""
GENERATION_UTILISATION = 0.05
"""Share of the peak at which answers are sampled for reinforcement learning. [1] assumption:
decoding is bound by memory and waits for the longest answer; 0.02 to 0.15."""
CAUSAL_ATTENTION = 6.0
"""Attention over earlier tokens, forward and backward, for each layer, unit of width and token of
context. [FLOP] Chowdhery et al. 2022, arXiv:2204.02311, appendix B: 12, of which the causal mask
needs half."""


@dataclass(frozen=True)
class Stage:
    """What a stage takes for each token.

    Attributes
    ----------
    name : str
        As it is asked for.
    flops_per_parameter_token : float
        At the utilisation of training. [FLOP / (parameter token)]
    state_bytes_per_parameter : float
        That all GPUs of one copy hold. [byte / parameter]
    tokens : str
        Which tokens count, in words.
    source : str
        Where the figures come from.
    generated_flops_per_parameter_token : float
        At the utilisation of sampling. [FLOP / (parameter token)]
    has_long_sequences : bool
        Whether attention over the context counts beside the weights.
    has_teacher : bool
        Whether another model reads each token, too.
    """

    name: str
    flops_per_parameter_token: float
    state_bytes_per_parameter: float
    tokens: str
    source: str
    generated_flops_per_parameter_token: float = 0.0
    has_long_sequences: bool = False
    has_teacher: bool = False

    @property
    def total_flops_per_parameter_token(self) -> float:
        """Training and sampling together [FLOP / (parameter token)]."""
        return self.flops_per_parameter_token + self.generated_flops_per_parameter_token

    def utilisation_fraction(self, training_utilisation_fraction: float) -> float:
        """Return the share of the peak over training and sampling together [1].

        Examples
        --------
        >>> round(STAGES["rl"].utilisation_fraction(0.3), 3)
        0.164
        """
        fraction("training_utilisation_fraction", training_utilisation_fraction)
        if not self.generated_flops_per_parameter_token:
            return training_utilisation_fraction
        seconds = (
            self.flops_per_parameter_token / training_utilisation_fraction
            + self.generated_flops_per_parameter_token / GENERATION_UTILISATION
        )
        return self.total_flops_per_parameter_token / seconds

    def flops(
        self,
        active_parameters: float,
        tokens: float,
        *,
        layers: float | None = None,
        hidden_size: float | None = None,
        sequence_tokens: float = 0.0,
        teacher_parameters: float | None = None,
    ) -> float:
        """Return the compute of the stage [FLOP].

        Raises
        ------
        ValueError
            For long sequences of a model whose layers or width are not known, and for a teacher
            whose size is not given.

        Examples
        --------
        >>> f"{STAGES['lora'].flops(70e9, 1e9):.2g}"
        '2.8e+20'
        >>> STAGES["distillation"].flops(8e9, 1, teacher_parameters=70e9)  # 6 x 8e9 + 2 x 70e9
        188000000000.0
        """
        weights = float(positive("active_parameters", active_parameters))
        per_token = self.total_flops_per_parameter_token * weights
        if self.has_long_sequences:
            if not (layers and hidden_size):
                raise ValueError(
                    f"--stage {self.name} needs --layers, --hidden-size and --attention-heads: of"
                    " the attention over the context"
                )
            per_token += CAUSAL_ATTENTION * layers * hidden_size * sequence_tokens
        if self.has_teacher:
            if not teacher_parameters:
                raise ValueError(
                    f"--stage {self.name} needs --teacher-parameters: those of the teacher that a"
                    " token uses"
                )
            per_token += FORWARD * float(positive("teacher_parameters", teacher_parameters))
        return per_token * float(positive("tokens", tokens))


STAGES = {
    stage.name: stage
    for stage in (
        Stage("pretraining", FULL, 16.0, "training tokens", "arXiv:2001.08361, arXiv:1910.02054"),
        Stage(
            "long-context",
            FULL,
            16.0,
            "tokens of the stage, in sequences of --sequence-tokens",
            "arXiv:2001.08361; attention after arXiv:2204.02311, appendix B",
            has_long_sequences=True,
        ),
        Stage("sft", FULL, 16.0, "tokens of the examples, all epochs", "arXiv:2001.08361"),
        Stage(
            "dpo",
            FULL + FORWARD,
            18.0,
            "tokens of both answers and their prompts",
            "arXiv:2305.18290: a forward pass of the reference model beside the training",
        ),
        Stage(
            "lora",
            FROZEN,
            2.0 + ADAPTER_BYTES,
            "tokens of the examples, all epochs",
            "arXiv:2106.09685: frozen 16-bit weights, trained adapters",
        ),
        Stage(
            "qlora",
            FROZEN,
            0.52 + ADAPTER_BYTES,
            "tokens of the examples, all epochs",
            "arXiv:2305.14314: frozen 4-bit weights with their scales",
        ),
        Stage(
            "rl",
            FULL + 2 * FORWARD,
            20.0,
            "tokens of the sampled answers",
            "arXiv:2402.03300: training, log-probabilities of the old and the reference model;"
            " answers are sampled at 5 % of the peak (assumption, 2 to 15 %)",
            generated_flops_per_parameter_token=FORWARD,
        ),
        Stage(
            "distillation",
            FULL,
            16.0,
            "tokens that student and teacher read; a forward pass of the teacher beside each",
            "arXiv:1503.02531; FLOPs after arXiv:2001.08361; the teacher is held by other GPUs",
            has_teacher=True,
        ),
        Stage(
            "evaluation",
            FORWARD,
            2.0,
            "tokens that are scored, a forward pass each; sampled answers are what infer prices",
            "arXiv:2001.08361",
        ),
    )
}
"""Stages by name."""
