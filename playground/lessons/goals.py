"""Goals of tasks and lessons, such as "tokens:20".

tokens: written. choices: of another candidate than the pick. steps: moves of the training step.
edits: changes of the input, in lessons alone.
"""

GOALS = {"tokens": 20, "choices": 3, "steps": 1}  # of a link, each with its default count
LESSON_GOALS = (*GOALS, "edits")
