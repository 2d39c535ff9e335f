"""Where engines read one kind of model, or one kind of value, differently: put right, or refused with the reason.

::

    models.py     clusters, neighbours, networks, vector machines, general regressions, naive Bayes, rules
    values.py     what is missing or invalid, categories that are numbers, targets of segments
    bins.py       a number in no bin, or in two
    types.py      what an expression is: a number, a whole number, a text, or yes and no
    replace.py    what stands in for what is missing
    write.py      expressions that are put in the places of others

Each was found by comparing with JPMML, the reference implementation, attribute by attribute.
"""
