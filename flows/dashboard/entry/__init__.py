"""The entrance of the dashboard: the people that may look or act, and the headers that keep a browser safe."""
