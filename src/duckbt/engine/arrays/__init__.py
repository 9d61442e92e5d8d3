"""Many parameter sets at once, as arrays: touches, exits, the walk from trade to trade, and the account.

The same rules as the SQL stages, for the strategies that sweeps are mostly made of, about a hundred times cheaper per
set. Every figure equals the stages' to the last bit; tests compare the two.
"""
