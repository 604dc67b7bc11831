"""The use cases of credential_issuing, each as load, decide, save over ports that `store` implements."""
