"""The warehouse on several machines: DuckLake on PostgreSQL and S3, and the same SQL on Spark.

An optional extra (``pip install truecost[lake]``). Belongs here: sharing captures, pushing and
pulling runs. Does not belong here: anything that one machine needs.
"""
