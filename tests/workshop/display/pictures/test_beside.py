"""Pictures beside each other."""

from __future__ import annotations

from modelserving.workshop.display.diagrams import Diagram
from modelserving.workshop.display.pictures.beside import beside

SMALL = Diagram('<svg xmlns="http://www.w3.org/2000/svg" width="300" height="90" role="img"></svg>', "A circle.")


def test_pictures_stand_beside_each_other_with_their_titles_and_shrink_with_the_page() -> None:
    """Never wider than they were drawn; a title's `<` is no markup."""
    shown = beside(A_heater=SMALL, **{"A <server>": SMALL})._repr_mimebundle_()["text/html"]
    assert shown.count("<figure") == shown.count("max-width:300px") == 2
    assert "A heater</figcaption>" in shown
    assert "A &lt;server&gt;</figcaption>" in shown
    assert 'width="300"' not in shown


def test_without_pictures_there_are_their_sentences() -> None:
    """Each with its title."""
    assert repr(beside(One=SMALL, Other=SMALL)) == "One: A circle.\nOther: A circle."
