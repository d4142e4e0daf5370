"""persmark: from behaviour events to target lists, on one machine."""

__version__ = "0.1.0"
