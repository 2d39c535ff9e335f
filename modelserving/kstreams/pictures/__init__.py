"""A topology as data, and as a picture.

::

    describe.py ─▶ drawing.py     what ``Topology.describe()`` says, as data; boxes and lines
    topics.py                     the topics that a topology needs, and whether they are there
"""
