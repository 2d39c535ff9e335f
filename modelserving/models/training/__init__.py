"""Training and export of the workbook's own models: scikit-learn to PMML and ONNX, Keras to TensorFlow.

What this package needs beyond the product (scikit-learn, sklearn2pmml, skl2onnx) is a tool of development, and is
imported only when a model is trained::

    recipes.py ─▶ train.py ─▶ trained.py       which models there are, how they are made, what is left behind
    sample.py · examine.py                     what is learnt from; how good a model is, and its golden records
    estimators.py · hires.py                   scikit-learn on wines, and on bicycle hires
    neural.py · network.py                     Keras, in a process of its own
    pmml.py · onnx.py                          the two ways out of scikit-learn
"""

from modelserving.models.training.hires import train_hires
from modelserving.models.training.recipes import RECIPES, Recipe
from modelserving.models.training.sample import Sample, load_sample
from modelserving.models.training.train import PUBLISHED, train_models, train_recipe

__all__ = ["PUBLISHED", "RECIPES", "Recipe", "Sample", "load_sample", "train_hires", "train_models", "train_recipe"]
