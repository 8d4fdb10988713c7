"""What all of the binding stands on: lifetimes, objects made once, calls straight into C."""
