"""The use cases of record_log, each as load, decide, save over ports that `store` implements."""
