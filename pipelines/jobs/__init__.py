"""Running the Dagster jobs in this process, for the command line, cron and tests.

Belongs here: the Dagster instance and its state folder (``instance``), running a job (``runner``),
and recovery after a run that was killed (``recovery``). What the jobs do belongs to ``defs``.
"""
