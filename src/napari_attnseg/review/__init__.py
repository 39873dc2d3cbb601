"""Review of a series of cases: decisions, corrected masks, reader studies, agreement.

No Qt and no torch: masks of other programs are reviewed in the same way as those of a
model.
"""
