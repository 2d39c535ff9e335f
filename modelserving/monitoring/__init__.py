"""Seeing it run: what servers count, and what the topics tell beside that. Nothing here stands in the way of a record.

::

    metrics/    one server, as Prometheus reads it; alert rules
    replay/     a stretch of the log, scored again with a model that never served
    truth/      what turned out to be true, days later; who was right
    drift/      whether records and answers are spread as they were
    influx/     what is seen, written to InfluxDB
    dashboards/ what Grafana draws of all that, and the files that it needs
    overview/   which servers run on this machine, and what the broker has
    monitor/    a server that only looks: drift and quality of a pipeline, whoever serves it
"""
