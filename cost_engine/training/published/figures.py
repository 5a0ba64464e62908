"""The figures that the published method of training costs takes as given, and how it picks one.

Here belong the parameters object and the lookups by name. The values are in ``warehouse/reference``
with unit and source and come in as arguments; the rules that use them are in ``rules``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OTHER = "other"
"""Key of the figure for names that contain no other key."""


def figure_for(name: str, figures: Mapping[str, float]) -> float:
    """Return the first figure whose key is part of ``name``, else the one for ``other``.

    Examples
    --------
    >>> overheads = {"A100": 1.66, "other": 1.64}
    >>> figure_for("NVIDIA A100 SXM4 40 GB", overheads), figure_for("NVIDIA H100 PCIe", overheads)
    (1.66, 1.64)
    """
    return next((value for key, value in figures.items() if key in name), figures[OTHER])


@dataclass(frozen=True)
class Figures:
    """Figures of arXiv:2405.21015 by chip, organisation and vendor.

    Attributes
    ----------
    server_overheads : mapping of str to float
        Server price over the price of its chips, by part of the chip's name and ``other``. [1]
    server_power_ratios : mapping of str to float
        Server power over the power of its chips, by part of the chip's name and ``other``. [1]
    average_power_fractions : mapping of str to float
        Average over peak power during training, by part of the chip's name and ``other``. [1]
    hyperscaler_pue, other_pue : float
        Power usage effectiveness of a site. [1]
    hyperscalers : sequence of str
        Parts of the lower-case names of organisations with hyperscale sites.
    default_utilisation_fraction : float
        Model FLOP utilisation where none is reported. [1]
    tpu_equivalent_usd : mapping of str to float
        Equivalent release price of one TPU chip, by part of its name. [USD]
    tpu_v4_board_power_watts : float
        Board power of a TPU v4 where the chip table has none. [W]
    purchase_families : sequence of str
        GPU families with a purchase price, in the order in which the published program tries them.
    rental_names : mapping of str to str
        Name of a chip to its name in price lists that do not tell its variants apart.
    cloud_vendors : mapping of str to str
        Part of the lower-case name of an organisation to the cloud that it uses; the last one that
        fits counts.
    default_cloud_vendor, tpu_cloud_vendor : str
        The cloud asked first for other organisations, and the only one that rents TPUs.
    vendor_order : sequence of str
        Clouds in the order in which they are asked.
    committed_discounts : mapping of str to (float, float)
        Discounts of one and of three years from on demand, by cloud vendor. [1]
    """

    server_overheads: Mapping[str, float]
    server_power_ratios: Mapping[str, float]
    average_power_fractions: Mapping[str, float]
    hyperscaler_pue: float
    other_pue: float
    hyperscalers: Sequence[str]
    default_utilisation_fraction: float
    tpu_equivalent_usd: Mapping[str, float]
    tpu_v4_board_power_watts: float
    purchase_families: Sequence[str]
    rental_names: Mapping[str, str]
    cloud_vendors: Mapping[str, str]
    default_cloud_vendor: str
    tpu_cloud_vendor: str
    vendor_order: Sequence[str]
    committed_discounts: Mapping[str, tuple[float, float]]

    def server_overhead(self, hardware: str) -> float:
        """Return the price of a server over the price of its chips [1]."""
        return figure_for(hardware, self.server_overheads)

    def server_power_ratio(self, hardware: str) -> float:
        """Return server power over chip power [1]."""
        return figure_for(hardware, self.server_power_ratios)

    def average_power_fraction(self, hardware: str) -> float:
        """Return average over peak power during training [1]."""
        return figure_for(hardware, self.average_power_fractions)

    def is_hyperscaler(self, organization: str) -> bool:
        """Return whether an organisation trains at hyperscale sites."""
        lowered = organization.lower()
        return any(name in lowered for name in self.hyperscalers)

    def site_pue(self, organization: str) -> float:
        """Return the power usage effectiveness of an organisation's sites [1]."""
        return self.hyperscaler_pue if self.is_hyperscaler(organization) else self.other_pue

    def vendors_for(self, organization: str, hardware: str, vendors: Sequence[str]) -> list[str]:
        """Return the cloud vendors to ask, first the one that the organisation uses.

        Parameters
        ----------
        organization, hardware : str
        vendors : sequence of str
            The vendors of the price list, asked after those of ``vendor_order``.
        """
        if "TPU" in hardware:
            return [self.tpu_cloud_vendor]
        lowered = organization.lower()
        used = [vendor for name, vendor in self.cloud_vendors.items() if name in lowered]
        first = used[-1] if used else self.default_cloud_vendor
        return list(dict.fromkeys((first, *vendors)))
