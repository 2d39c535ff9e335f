"""Servers, group members and commands as real child processes; what runs behind the cells.

::

    apart.py ─▶ child.py ─▶ process.py     a process group of its own; a command; a server
    member.py · delivery.py · alarms.py    a member of a group, a worker, an application: all can be killed
    terminal.py · quix.py                  a command as in a terminal; Quix Streams, in its own environment
    background.py · call_counter.py        a thread behind the cells; an HTTP service that counts
"""
