"""The demo really runs here, in data directories of its own."""
