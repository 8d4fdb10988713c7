"""The base of the binding: lifetimes, objects made once, fast calls into C."""
