"""Speed and memory as ratios against hand-run tools, on this machine, in one run. Never part of the tests."""
