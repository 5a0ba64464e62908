"""What someone wants to know of the tokens of a model, checked before any price is read.

Answering it belongs to ``infer``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cost_engine.serving.cost import computed_input_tokens
from cost_engine.serving.inputs import ServingConstants
from cost_engine.serving.replicas import Request
from pipelines.answers.fit import precisions_for, refuse_long_context
from pipelines.answers.footprint import grid
from pipelines.answers.gpu_facts import Used
from pipelines.answers.serving_assumptions import refuse_impossible, told, with_memory
from pipelines.derive import serving_reference as reference
from pipelines.derive.price_basis import DEFAULT_BASIS, PriceBasis
from pipelines.derive.serving_names import precision_named
from pipelines.derive.serving_reference import Fit
from warehouse.reference import Documents, Gpu, Model

AGGREGATED, DISAGGREGATED = "aggregated", "disaggregated"
SERVING_MODES = (AGGREGATED, DISAGGREGATED, "either")


@dataclass(frozen=True, kw_only=True)
class InferQuestion:
    """What someone wants to know of one model.

    Attributes
    ----------
    documents : Documents
        The reference data to answer from.
    model : Model
    gpu : Gpu or None
        Only this one; then every set of it is answered.
    gpu_count : int or None
        Only sets of this size. [GPU]
    precision : str or None
        Only this one; by default 16, 8 and 4 bits as each chip has them.
    input_tokens, output_tokens : float
        Of one request. [token]
    cached_fraction : float
        Share of the prompt that a prefix cache holds. [1]
    tokens_per_second_per_user : float
        Lowest pace of each user, 0 for batch work, where no user waits. [token / s]
    serving_mode : str
        One of ``SERVING_MODES``: every GPU does prefill and decodes, separate pools do, or both.
        With separate pools, ``gpu_count`` is that of all of them.
    fleet_utilisation_fraction : float
        Mean over peak demand, for the provisioned cost and the energy. [1]
    requests_per_second : float or None
        A load that arrives at random, for which fleets and waits are answered; None: closed loops
        alone. [1 / s]
    country : str or None
        Whose grid feeds the GPUs, a country or a state; None leaves carbon at zero.
    own_factors : mapping of str to float
        Speed factors from ``calibrate``. [1]
    basis : PriceBasis
        What the prices rest on: how many providers a ranked GPU needs.
    fixed : mapping of str to float
        Assumptions that are set, by the names of ``serving_assumptions.SETTABLE_OF_INFER``. The
        price and the utilisation of the fleet have fields of their own.
    """

    documents: Documents
    model: Model
    gpu: Gpu | None = None
    gpu_count: int | None = None
    precision: str | None = None
    input_tokens: float
    output_tokens: float
    cached_fraction: float = 0.0
    tokens_per_second_per_user: float
    serving_mode: str = AGGREGATED
    fleet_utilisation_fraction: float = 0.5
    requests_per_second: float | None = None
    country: str | None = None
    own_factors: Mapping[str, float] = field(default_factory=dict)
    basis: PriceBasis = DEFAULT_BASIS
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def fit(self) -> Fit:
        """The calibration of the reference data, with what the user measured or fixed."""
        known = with_memory(reference.fitted(self.documents), self.fixed)
        if not self.own_factors:
            return known
        own = {**self.own_factors, **reference.twin_factors(self.documents, self.own_factors)}
        return replace(known, constants=ServingConstants({**known.constants.values, **own}))

    @property
    def grams_co2e_per_kwh(self) -> float | None:
        """Carbon intensity of the grid, None without a country. [gCO2e / kWh]."""
        if "grams_co2e_per_kwh" in self.fixed:
            return self.fixed["grams_co2e_per_kwh"]
        return grid(self.documents, self.country).grams_co2e_per_kwh if self.country else None

    @property
    def assumptions(self) -> list[Used]:
        """What the answer rests on beside prices and speeds."""
        return told(
            self.documents,
            self.fit,
            self.fixed,
            gpu=self.gpu,
            fleet_utilisation_fraction=self.fleet_utilisation_fraction,
            grams_co2e_per_kwh=self.grams_co2e_per_kwh,
            country=self.country,
        )

    @property
    def request(self) -> Request:
        """The lengths that are computed: the prompt without its cached part, at least one token."""
        computed = computed_input_tokens(self.input_tokens, self.cached_fraction)
        return Request(max(float(computed), 1.0), float(self.output_tokens))

    def refuse_impossible(self) -> None:
        """Raise if no price can make this question answerable.

        Raises
        ------
        UnknownSubjectError
            The message says what would work.
        """
        refuse_impossible(self.fixed)
        if self.country is not None:
            grid(self.documents, self.country)
        refuse_long_context(self.model, self.input_tokens + self.output_tokens)
        if self.gpu is not None:
            precisions_for(self.documents, self.gpu, self.precision)
        elif self.precision is not None:
            precision_named(self.documents, self.precision)
        reference.shape_row(self.model)
