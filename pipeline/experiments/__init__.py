"""The paper's tables and figures: cells to run, measures, outputs.

A config of `configs/experiments/` names rows (methods), columns (data sets or
networks) and seeds. Each combination is a cell, a target or few-shot training
with a folder of its own; cells of the same config are shared by all experiments
in one workdir. Then come the measures of the experiment, and its table or
figure.

    cells.py         which cells there are
    run_kinds.py     what a cell may be
    runner.py        runs what is missing, one failure at a time
    measures.py      what a figure needs of a trained cell
    outputs.py       tables and figures from what is there
    paper.py         the paper's own numbers
"""
