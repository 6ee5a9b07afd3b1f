"""The two pages: the seeker's (`public`) and the staff's (`desk`), one aiohttp application (`app.build_app`).

Pages work without script; the scripts of `static/` only make them quicker. All words stand in `texts`.
"""
