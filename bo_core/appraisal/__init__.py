"""The appraisal of points that a model proposed elsewhere, from the record of that model; used by replay."""
