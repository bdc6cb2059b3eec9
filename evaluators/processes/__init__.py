"""The processes of one attempt and its folder: start, supervise, identify and end them. Imports no evaluator."""
