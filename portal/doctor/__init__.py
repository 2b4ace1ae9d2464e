"""Doctor: looks at each piece that the portal needs, one file a side; the command prints what they found."""
