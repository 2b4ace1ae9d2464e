"""How long work is asked for, claimed, kept alive, ended and found again when it is lost."""
