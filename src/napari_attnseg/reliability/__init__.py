"""Expected Dice of a case: how good a mask probably is, measured for each model.

What is said here is an estimate for images like those that it was measured on. Of
images from elsewhere nothing is known, and where an image is unlike them no number is
given. No torch but in `observe`.
"""
