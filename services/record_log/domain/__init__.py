"""The decisions of record_log: values in, values out. Imports the kernel and the published language only."""
