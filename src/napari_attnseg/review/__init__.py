"""Review of a series of cases: decisions, corrected masks, reader studies, agreement.

No Qt and no torch: masks from elsewhere are reviewed as those of a model are.
"""
