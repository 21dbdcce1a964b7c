"""Playbooks: what the desk does when something happens, as tables of steps that survive a crash at any record."""
