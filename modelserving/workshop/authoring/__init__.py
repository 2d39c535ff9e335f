"""From the text of a lesson to its notebooks, and what every lesson has."""
