"""The pages of docs/reference, made from the code whenever the documentation is built.

May import everything of `overnight`; nothing imports it but `docs/hooks.py` and the tests.
"""
