"""Who makes which table of the build, in one place.

Two lists and nothing that runs: the modules that bind ``cost_engine`` to tables, in running order,
and the SQL models that the load makes. ``make`` runs the first, ``load`` the second. A module that
makes another table is entered here; a test holds that the line ``-- made by:`` of each SQL file
says the same.
"""

from __future__ import annotations

from collections.abc import Mapping

# Module of this room -> the tables that its ``derive(connection, on)`` makes, in running order.
DERIVATIONS: Mapping[str, tuple[str, ...]] = {
    "like_for_like": ("marts.like_for_like_revision", "marts.like_for_like_link"),
    "compute_price_quarter": ("marts.compute_price_quarter", "marts.compute_price_factor"),
    "gpu_price_now": ("marts.gpu_price_now", "marts.price_dispersion"),
    "training_cost": ("marts.training_cost",),
    "training_then_and_now": ("marts.training_then_and_now",),
    "training_cost_trend": ("marts.training_cost_trend",),
    "training_backtest": ("marts.training_backtest",),
    "training_plan_backtest": ("marts.training_plan_backtest",),
    "training_sensitivity": ("marts.training_sensitivity",),
    "own_vs_rent": ("marts.own_vs_rent",),
    "reservation_multiplier": ("marts.reservation_multiplier",),
    "serving_point": ("marts.serving_point",),
    "flop_trend": ("marts.flop_trend",),
    "inference_backtest": ("marts.inference_backtest",),
    "image_point": ("marts.image_point",),
}

# SQL models that the load rebuilds for each moment of capture; they are not read after the load.
MADE_WHILE_LOADING = ("staged.exchange_rate", "staged.gpu_identity", "staged.normalised_offer")


def derived_tables() -> frozenset[str]:
    """Return every table that a module of ``DERIVATIONS`` makes.

    Examples
    --------
    >>> "marts.training_cost" in derived_tables()
    True
    """
    return frozenset(table for tables in DERIVATIONS.values() for table in tables)
