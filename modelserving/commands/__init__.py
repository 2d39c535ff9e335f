"""The commands of ``modelserving``, by subject. Each module imports its engines only when a command runs.

::

    serve/ · models/ · records/ · schemas/ · monitoring/       servers, models, what is on topics, what watches
    broker.py · data.py · demo.py · streams.py                 the broker, data and training, the demo, resets
    temperature.py · workshop.py · slides.py                   the heater, the workbook, the presentation
    options.py · stopping.py · threads.py · console.py         what several of them take, how they end and talk
"""
