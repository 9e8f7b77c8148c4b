"""What the reader sees: the style, static figures, live figures and the demos of the notebooks.

figures.py    arrays and axes in, axes out; `show` displays a picture with its alt text
live.py       LiveFigure, the engine that turns a slider's move into a picture
layers.py     how a live figure repaints only what moved
demos/        one module a notebook
"""
