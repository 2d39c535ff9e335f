"""What is seen, written to InfluxDB, 1.x or 2.x: in batches, bounded, and never in anybody's way.

::

    lines.py ─▶ writer.py     the line protocol, whatever a name contains; the thread that sends it
    database.py                   makes the database, where Docker started an InfluxDB
"""
