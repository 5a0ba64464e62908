"""Everything that touches the network, Dagster or a person, in rooms by subject.

Formulas belong to ``cost_engine``, the data model to ``warehouse``. ``docs/architecture.md`` shows
the rooms and who may import whom.
"""

import os

# Dagster sends statistics of use unless this is set; ``dagster.yaml`` covers our own instance only.
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
