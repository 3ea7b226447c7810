"""Which tellings are one call, what it used, and whose it was: rules R29 to R32, over everything known at ``as_of``.

Tellings (rows of the lake's ``calls``) come from several emitters, files and days. Nearly all stand alone and are counted
as they are; what is looked at here are the contested ones: told twice, nested in one another, answered from a cache, or
lacking a name that their trace tells. Data flows one way::

    keys.py      whole numbers that link tellings, beside each lake file, once; which tellings are contested
    days.py      a day's contested tellings and what they are linked to in other days; what is written, and where
    tellings.py  one telling, the order of tellings, and when two of them agree
    one_call.py  tellings of one operation laid together (R29)
    wrapping.py  what a span tells beyond the calls below it (R30)
    names.py     event, run, tenant and the rest, from ancestors and from the trace (R32)

The result is lake files: ``resolved_calls`` replace ``resolved_tellings``; ``emitters`` says what is known of each. They are
functions of the set of tellings, never of the order in which files came.
"""
