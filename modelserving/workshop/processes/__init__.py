"""Servers, group members and commands as real child processes; what runs behind the cells."""
