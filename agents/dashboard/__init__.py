"""The board: one web page for those who run the engine. It reads, and writes nothing.

`standing` is what is kept of a complaint, `standings` folds those to counts, `figures` is what the page is sent, `feed`
reads the topics, `hub` tells the browsers, `history` reads one complaint's facts, and `server` is the web part of it.
"""
