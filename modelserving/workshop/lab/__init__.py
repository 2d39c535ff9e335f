"""JupyterLab with the broker, the doctor, and the attendee's copies of the notebooks.

::

    lab.py ─▶ jupyter.py                 the broker and JupyterLab, until Ctrl-C
    keeper.py · startup.py               what it does while it is up; what each kernel runs first
    work.py                              the attendee's copies
    home.py ─▶ glossary.py               the page that it opens, and the words of the lessons
    timetable.py                         half a day, and a full one
    doctor.py                            is this machine ready?
    training_run.py                      a part of set-up: Java in Python starts faster from then on
"""
