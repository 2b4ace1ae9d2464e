"""The shell: settings, front door, menu, demo."""
