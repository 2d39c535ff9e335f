"""What is filled in on a slide by its name, so that it cannot differ from what runs.

::

    code.py      code of the package, an example or a lesson; a rule for alerts
    figures.py   figures of the benchmarks, in a sentence and as bars
    samples.py   messages, answers, sentences and counts, made by what makes them
    recap.py     what stays of a lesson
"""
