"""What a run prints at its end: the cheapest offers of the main GPUs and three cost tables."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.answers import headline
from pipelines.commands.answer import print_sentence, print_table
from pipelines.commands.opening import published
from pipelines.text import one_line


def print_headline(gpus: Sequence[str]) -> None:
    """Print the cheapest offer of each GPU and the first lines of the three cost tables."""
    with published() as connection:
        newest = headline.newest_answer(connection)
        if newest is None:
            print_sentence("No offers: no source has answered yet.")
            return
        offers = headline.cheapest(connection, gpus)
        title = f"\nCheapest offers on demand as of {newest:%Y-%m-%d %H:%M}Z, list prices in USD"
        if offers.rows:
            print_table(offers.columns, offers.rows, title)
        else:
            print_sentence(
                f"No offer of {', '.join(gpus)} is fresh: truecost offers GPU shows older ones,"
                " with their age."
            )
        for title, cost in headline.costs(connection, gpus):
            print_table(cost.columns, cost.rows, "\n" + title)
        unmapped = headline.unmapped(connection).rows
    if unmapped:
        names = ", ".join(
            f"{one_line(name)} ({source}, {count})" for name, source, count in unmapped
        )
        print_sentence(f"\nNot known as a GPU yet (see meta.unmapped_gpu): {names}")
