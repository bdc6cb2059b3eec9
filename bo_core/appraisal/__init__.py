"""The appraisal of points that a model proposed elsewhere, from what was recorded of it; replay asks for it."""
