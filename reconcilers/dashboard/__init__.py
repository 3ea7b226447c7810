"""The published tables as pages in a browser: from a month to an event, and from an event to its stored bytes.

``server.py`` answers requests, ``place.py`` reads an address and writes links, ``views.py`` makes the page of an address,
``questions.py`` has its SQL, ``parts.py`` what pages are made of and ``charts.py`` the bars.
"""
