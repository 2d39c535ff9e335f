"""``modelserving serve stage | actor | streams``.

::

    options.py ─▶ servers.py ─▶ launch.py      what all can be told; a command for each; bind, connect, serve
"""

from modelserving.commands.serve.servers import register

__all__ = ["register"]
