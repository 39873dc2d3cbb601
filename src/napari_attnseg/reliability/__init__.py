"""Expected Dice of a case: how good a mask probably is, measured for each model.

An expected Dice is an estimate for images like those on which it was measured. For
images from elsewhere its error is not known, and an image that is unlike the measured
ones gets no number. Only `observe` uses torch.
"""
