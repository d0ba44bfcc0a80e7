"""The commands: one module each, whose function has the arguments of the command."""
