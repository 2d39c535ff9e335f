"""What a server says of itself, whatever it is built on.

::

    status.py   phase, counts, health: values
    view.py     all that can be asked of a server, by its HTTP face and by who watches it
    meter.py    what is counted of each batch, once it is committed
    recent.py   a few answers of the last seconds, for pictures
"""
