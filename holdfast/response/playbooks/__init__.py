"""The playbooks that come with Holdfast: YAML files, and one that Python makes. A desk may load its own instead."""
