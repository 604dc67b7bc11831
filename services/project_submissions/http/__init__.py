"""The HTTP door of project_submissions: a module a resource."""
