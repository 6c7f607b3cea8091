"""Cuts a line of the shell where it may be broken on a page."""

import re

from django import template

register = template.Library()


@register.filter
def by_option(line: str) -> list[str]:
    """Return the line as pieces, each of which begins with an option, or the line.

    >>> by_option("manage.py bulkupgrade --tag=a,b --jobs=2")
    ['manage.py bulkupgrade', '--tag=a,b', '--jobs=2']
    """
    return re.split(" (?='?--)", line)
