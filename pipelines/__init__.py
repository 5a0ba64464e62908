"""Everything that touches the network or Dagster, and the command line."""
