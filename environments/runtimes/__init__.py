"""How an app is really stopped, started and asked."""
