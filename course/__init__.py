"""Why Models Learn: the small package behind the notebooks.

A model is a belief, a loss is what the belief costs when the world answers, and learning moves the
belief downhill.
Importing this package loads and configures nothing; import the part that you need:

    course.data       seeded simulators and the course's own text
    course.maths      information, distributions, Bayes, losses, calibration, autodiff, coding
    course.models     small models over plain pytrees
    course.training   optimizers, the compiled loop `fit`, many devices, checkpoints
    course.show       figures and the live demos of the notebooks
    course.practice   exercises that answer back, predictions, the reader's progress
    course.cli        the command `course`
"""

__version__ = "0.1.0"
