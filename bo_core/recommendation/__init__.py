"""The recommendation: the best of the measured points by belief, one elsewhere, or a front of several objectives.

The entrance is `overnight.bo_core.recommend`. This room may import everything that a proposal is made of.
"""
