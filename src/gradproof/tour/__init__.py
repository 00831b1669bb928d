"""The tour: the main job end to end on real data, into a folder, with a page to open.

:func:`gradproof.tour.steps.take` runs the steps; :mod:`.pictures` draws, :mod:`.page` writes ``index.html``.
"""
