"""Learning: optimizers, schedules and the compiled training loop.

loop.py             `fit`: epochs, validation, early stopping, checkpoints
arguments.py        what `fit` and `sweep` accept; trial.py tries out the functions among it
monitor.py          validation and the progress bar; interrupts.py notes Ctrl-C
steps.py            the compiled part: many steps in one call
batching.py         the order of the examples, and how many steps a call takes
optimizers.py       sgd, adagrad, rmsprop, adam, adamw; optimizer_base.py is what they share
schedules.py        learning rates that change with the step
results.py          what `fit` returns, the state of a run, and what a checkpoint keeps of it
sweep.py            many learning rates or seeds in one program
descent.py          gradient descent on a surface that one can draw
sgd_by_hand.py      a line, one example a step, with nothing hidden
scale/              several devices (parallel, runner), processes, checkpoints
"""
