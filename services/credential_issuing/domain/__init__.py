"""The decisions of credential_issuing: values in, values out. Imports the kernel and the published language only."""
