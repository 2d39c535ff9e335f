"""Serve machine-learning models inside streaming microservices on Apache Kafka.

The way of a record, and the package that each step lives in::

    client.provider -> *-records -> stage (decode -> score) -> *-scored -> web, widgets
    client.provider -> *-models  -> models (build -> check -> warm up -> swap)
"""

__version__ = "0.1.0"
