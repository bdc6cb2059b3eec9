"""The insight of a model, for people: pure functions of the models that a recommendation is made with."""
