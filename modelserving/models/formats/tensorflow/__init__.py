"""TensorFlow: frozen graphs and SavedModels.

::

    frozen_graph.py · saved_model.py ─▶ graph_guard.py ─▶ graph_slice.py ─▶ graph_model.py ─▶ engine.py
"""
