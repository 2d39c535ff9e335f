"""Who is late too often is left out, and asked again later."""

from __future__ import annotations

from modelserving.speculative.health import Breaker


def test_one_that_is_late_too_often_in_a_row_is_left_out() -> None:
    """An answer in time in between starts the count anew."""
    breaker = Breaker()
    for _ in range(2):
        breaker.missed(0, 3, 100)
    breaker.good()
    for _ in range(2):
        breaker.missed(0, 3, 100)
    assert breaker.allows(0)
    breaker.missed(0, 3, 100)
    assert not breaker.allows(99)
    assert breaker.allows(100)


def test_each_further_pause_is_twice_as_long_up_to_a_limit() -> None:
    """It is asked once after each pause; one more miss, and it is out again."""
    breaker, now, pauses = Breaker(), 0, []
    breaker.missed(now, 1, 100)
    for _ in range(9):
        pauses.append(breaker.until_ns - now)
        now = breaker.until_ns
        breaker.missed(now, 1, 100)
    assert pauses == [100, 200, 400, 800, 1600, 3200, 6400, 6400, 6400]


def test_one_good_answer_forgives_all() -> None:
    """It takes part again as if nothing had been."""
    breaker = Breaker()
    breaker.missed(0, 1, 100)
    breaker.good()
    assert breaker == Breaker()
