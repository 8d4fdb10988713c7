"""Calls that tell whether C served them."""

import sys

from pydpdk._core.objects import checked_of


def ran(method, *arguments, **options):
    """Return the result, and whether the method ran as written in Python."""
    seen = []
    sys.setprofile(lambda frame, event, _: seen.append(frame.f_code) if event == "call" else None)
    try:
        result = method(*arguments, **options)
    finally:
        sys.setprofile(None)
    return result, checked_of(method).__code__ in seen
