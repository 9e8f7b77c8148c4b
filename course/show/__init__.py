"""Static figures, live figures, and the demos of the notebooks.

figures.py    all that a notebook draws with: `new`, the helpers, and `show` with its alt text
live.py       LiveFigure, which turns the move of a slider into a picture, and its controls
blitting.py   how a live figure repaints only what moved
style.py      the colours and what they mean
bars.py, lines.py, simplex.py    the helpers that `figures` offers
graph.py      the graph of an expression; graph_layout.py places it, graph_steps.py tells its steps
demos/        one module for each notebook
"""
