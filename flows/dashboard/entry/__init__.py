"""The entrance of the dashboard: who may look, who may act, and the headers that keep a browser safe."""
