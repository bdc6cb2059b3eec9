"""The parts of the page that `report/html.py` puts together: templates, tables, and the part about one goal."""
