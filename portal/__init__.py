"""The shell: settings, front door, menu, demo."""

__version__ = "1.0.0"
