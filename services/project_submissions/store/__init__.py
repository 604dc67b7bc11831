"""The only place with SQL of project_submissions: a module a concept, `library.py` opens their transactions."""
