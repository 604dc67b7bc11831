"""The use cases of project_submissions, a module a concept: load, decide, save. Their ports stand in `ports.py`."""
