"""The command `course`.

main.py     the commands, `doctor` and `progress` among them
lab.py      `course lab`: JupyterLab on this machine alone; kernels.py has its kernels
saving.py   what Jupyter saves and export.py what nbconvert exports: pictures, not widgets
doctor.py   the checks of the machine, also shown by notebook 00
devices.py  the start of JAX; output.py: printing in every encoding
train.py    `course train`: options and exit status; run_training.py trains
"""
