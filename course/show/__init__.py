"""What the reader sees: static figures, live figures, and the demos of the notebooks.

figures.py    all that a notebook draws with: `new`, the helpers, and `show` with its alt text
live.py       LiveFigure, which turns the move of a slider into a picture
layers.py     how a live figure repaints only what moved
style.py      the colours and what they mean
bars.py, lines.py, simplex.py    the helpers that `figures` offers; arrays.py is what they accept
demos/        one module for each notebook
"""
